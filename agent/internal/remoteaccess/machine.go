package remoteaccess

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/machine"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// Machine is Accounts on the machine.
type Machine struct {
	account.Accounts
	Sudoers account.Sudoers
	Scheme  account.Scheme
}

var _ Accounts = Machine{}

// Marked lists the accounts whose comment says that they are just-in-time ones. Directory services have none such.
func (m Machine) Marked() ([]string, error) {
	data, err := m.Files.ReadFile("/etc/passwd")
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) >= 5 && fields[4] == Comment {
			names = append(names, fields[0])
		}
	}
	return names, nil
}

// Exists asks for an account of that name.
func (m Machine) Exists(ctx context.Context, name string) (bool, error) {
	_, err := m.Lookup(ctx, name)
	if errors.Is(err, account.ErrUnknown) {
		return false, nil
	}
	return err == nil, err
}

// Create makes a marked account that may use sudo with its password.
func (m Machine) Create(ctx context.Context, name string, expires time.Time) error {
	if _, _, err := m.Add(ctx, account.New{Name: name, Expires: expires, Comment: Comment}); err != nil {
		return err
	}
	return m.Sudoers.Allow(name, true)
}

// SetPassword sets the password.
func (m Machine) SetPassword(ctx context.Context, name string, password secret.Text) error {
	return m.Accounts.SetPassword(ctx, name, password, m.Scheme)
}

// SetExpiry sets the day from which the system locks the account.
func (m Machine) SetExpiry(ctx context.Context, name string, expires time.Time) error {
	argv := []string{"usermod", "-e", expires.UTC().Format(time.DateOnly), name}
	if _, err := m.Machine.Run(ctx, machine.Command{Argv: argv}); err != nil {
		return fmt.Errorf("move the expiry of %s: %w", name, err)
	}
	return nil
}

// Delete removes the account, its home and its sudo rule.
func (m Machine) Delete(ctx context.Context, name string) error {
	return errors.Join(m.Accounts.Delete(ctx, name), m.Sudoers.Forbid(name))
}

package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/machine"
)

// New is an account to make.
type New struct {
	Name    string
	Expires time.Time // zero: never
	Comment string
}

// Add makes an account with a home. One that exists is left as it is; made tells which it was.
func (a Accounts) Add(ctx context.Context, n New) (entry Entry, made bool, err error) {
	entry, err = a.Lookup(ctx, n.Name)
	if !errors.Is(err, ErrUnknown) {
		return entry, false, err
	}
	argv := a.addCommand(ctx, n)
	if argv == nil {
		return Entry{}, false, fmt.Errorf("accounts are not made on %s: %w", a.Family.Name, err)
	}
	_, err = a.Machine.Run(ctx, machine.Command{Argv: argv})
	if err != nil {
		return Entry{}, false, fmt.Errorf("make the account %s: %w", n.Name, missing(argv[0], err))
	}
	entry, err = a.Lookup(ctx, n.Name)
	return entry, err == nil, err
}

func (a Accounts) addCommand(ctx context.Context, n New) []string {
	switch a.Family.AddUser {
	case distro.AddUserFixed:
		return nil
	case distro.AddUserTmsh:
		return []string{"tmsh", "create", "auth", "user", n.Name, "partition-access", "add", "{", "all-partitions", "{", "role", "admin", "}", "}", "shell", "bash"}
	case distro.AddUserPw:
		return n.pwCommand()
	}
	argv := []string{"useradd", "-m", n.Name}
	if !n.Expires.IsZero() {
		argv = append(argv, "-e", n.Expires.UTC().Format(time.DateOnly))
	}
	if n.Comment != "" {
		argv = append(argv, "-c", n.Comment)
	}
	if a.Family.Shell != "" {
		argv = append(argv, "-s", a.Family.Shell)
	}
	if a.groupExists(ctx, n.Name) { // without -g useradd refuses: it would make a group of that name
		argv = append(argv, "-g", n.Name)
	}
	return argv
}

func (n New) pwCommand() []string {
	argv := []string{"pw", "useradd", n.Name}
	if !n.Expires.IsZero() {
		argv = append(argv, "-e", n.Expires.UTC().Format(time.DateOnly))
	}
	argv = append(argv, "-m")
	if n.Comment != "" {
		argv = append(argv, "-c", n.Comment)
	}
	return argv
}

func (a Accounts) groupExists(ctx context.Context, name string) bool {
	_, err := a.Machine.Run(ctx, machine.Command{Argv: []string{"getent", "group", name}})
	return err == nil
}

// Delete removes an account with its home. One that does not exist is no error; a system account is never removed.
func (a Accounts) Delete(ctx context.Context, name string) error {
	entry, err := a.Lookup(ctx, name)
	switch {
	case errors.Is(err, ErrUnknown):
		return nil
	case err != nil:
		return err
	case a.IsSystem(entry):
		return fmt.Errorf("%s (uid %d) is a system account and stays: %w", name, entry.UID, ErrSystem)
	}
	if err := a.utmp(); err != nil {
		return err
	}
	argv := a.deleteCommand(name)
	if argv == nil {
		return fmt.Errorf("accounts are not removed on %s", a.Family.Name)
	}
	if _, err := a.Machine.Run(ctx, machine.Command{Argv: argv}); err != nil {
		return fmt.Errorf("remove the account %s: %w", name, missing(argv[0], err))
	}
	return nil
}

// ErrSystem is wrapped where an account is the system's own.
var ErrSystem = errors.New("system account")

func (a Accounts) deleteCommand(name string) []string {
	switch {
	case a.Family.AddUser == distro.AddUserFixed:
		return nil
	case a.Family.AddUser == distro.AddUserTmsh:
		return []string{"tmsh", "delete", "auth", "user", name}
	case a.Family.AddUser == distro.AddUserPw:
		return []string{"rmuser", "-y", name}
	case a.Family.Name == "openbsd":
		return []string{"userdel", "-r", name}
	}
	return []string{"userdel", "-f", "-r", name}
}

// utmp makes sure that userdel finds its record of who is logged in: without the file it refuses.
func (a Accounts) utmp() error {
	name := "/var/run/utmp"
	if a.Family.AddUser == distro.AddUserPw {
		name = "/var/run/utx.active"
	}
	if a.Files.Exists(name) {
		return nil
	}
	return a.Files.WriteAtomic(name, nil, 0o644)
}

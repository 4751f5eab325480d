package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/machine"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// SetPassword gives an account a password, hashed by scheme. Only the hash leaves this process, by standard input; for
// a scheme that only the system's libcrypt knows the password itself does, by the same way.
func (a Accounts) SetPassword(ctx context.Context, name string, password secret.Text, scheme Scheme) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if password.IsZero() || strings.ContainsAny(password.Reveal(), "\n\r\x00") {
		return errors.New("the password is empty or holds a line break")
	}
	if scheme.ID == Yescrypt {
		return a.feed(ctx, name, password, "chpasswd", "-c", "YESCRYPT")
	}
	hash, err := scheme.Hash(password)
	if err != nil {
		return err
	}
	switch a.Family.AddUser {
	case distro.AddUserFixed, distro.AddUserTmsh:
		return fmt.Errorf("passwords are not set on %s", a.Family.Name)
	case distro.AddUserPw:
		_, err := a.Machine.Run(ctx, machine.Command{Argv: []string{"pw", "usermod", name, "-H", "0"}, Stdin: []byte(hash.Reveal())})
		return missing("pw", err)
	}
	return a.feed(ctx, name, hash, "chpasswd", "-e")
}

func (a Accounts) feed(ctx context.Context, name string, word secret.Text, argv ...string) error {
	_, err := a.Machine.Run(ctx, machine.Command{Argv: argv, Stdin: []byte(name + ":" + word.Reveal() + "\n")})
	if err != nil {
		return fmt.Errorf("set the password of %s: %w", name, missing(argv[0], err))
	}
	return nil
}

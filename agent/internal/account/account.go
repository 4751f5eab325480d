// Package account is about the accounts of the machine as provisioning, deprovisioning and just-in-time access need them:
// who exists, making and removing one, its password, its right to sudo. Secrets reach programs by standard input alone.
package account

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"unicode"

	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// Runner runs programs.
type Runner interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Has(program string) bool
}

// Accounts are the machine's accounts.
type Accounts struct {
	Files   host.Files
	Machine Runner
	Family  distro.Family
}

// Entry is a line of passwd.
type Entry struct {
	Name     string
	UID, GID int
	Home     string
	Shell    string
}

// ErrUnknown is wrapped where an account does not exist.
var ErrUnknown = errors.New("no such account")

// Lookup finds an account by name: getent is asked, so that directory services count, and /etc/passwd where there is
// no getent.
func (a Accounts) Lookup(ctx context.Context, name string) (Entry, error) {
	if err := CheckName(name); err != nil {
		return Entry{}, err
	}
	res, err := a.Machine.Run(ctx, machine.Command{Argv: []string{"getent", "passwd", name}})
	var exit *machine.ExitError
	switch {
	case err == nil:
		if e, ok := find(string(res.Stdout), name); ok {
			return e, nil
		}
	case ctx.Err() != nil:
		return Entry{}, ctx.Err()
	case errors.As(err, &exit) && exit.Code == 2: // the key is in no database
		return Entry{}, fmt.Errorf("%s: %w", name, ErrUnknown)
	}
	data, err := a.Files.ReadFile("/etc/passwd")
	if err != nil {
		return Entry{}, err
	}
	if e, ok := find(string(data), name); ok {
		return e, nil
	}
	return Entry{}, fmt.Errorf("%s: %w", name, ErrUnknown)
}

// find is the first well-formed line of passwd about name.
func find(passwd, name string) (Entry, bool) {
	for line := range strings.Lines(passwd) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(f) < 7 || f[0] != name {
			continue
		}
		uid, errUID := strconv.Atoi(f[2])
		gid, errGID := strconv.Atoi(f[3])
		if errUID == nil && errGID == nil {
			return Entry{Name: name, UID: uid, GID: gid, Home: f[5], Shell: f[6]}, true
		}
	}
	return Entry{}, false
}

// CheckName refuses names that could not be an account's, or that a program would take for an option or another
// field. What is left may still be refused by useradd, in its own words.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("the user name is empty")
	case strings.HasPrefix(name, "-"), strings.HasPrefix(name, "+"), strings.HasPrefix(name, "~"):
		return fmt.Errorf("the user name %q begins with %q", name, name[:1])
	case name == ".", name == "..":
		return fmt.Errorf("%q is no user name", name)
	}
	for _, r := range name {
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune(":/,\"'`\\()!=%#*&;|<>?[]{}", r) {
			return fmt.Errorf("the user name %q holds %q", name, r)
		}
	}
	return nil
}

// IsSystem reports whether an account is one of the system's: its uid is below UID_MIN. Flatcar's core never is.
func (a Accounts) IsSystem(e Entry) bool {
	if a.Family.Name == "flatcar" && e.Name == "core" {
		return false
	}
	return e.UID < a.uidMin()
}

// uidMin is the second word of the first line of login.defs that begins with UID_MIN, else 100, as the original has it.
func (a Accounts) uidMin() int {
	data, _ := a.Files.ReadFile("/etc/login.defs")
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "UID_MIN") {
			continue
		}
		if words := strings.Fields(line); len(words) > 1 {
			if n, err := strconv.Atoi(words[1]); err == nil {
				return n
			}
		}
		break
	}
	return 100
}

// missing turns "no such program" into words that a portal user understands.
func missing(program string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("the program %s is not installed: %w", program, err)
	}
	return err
}

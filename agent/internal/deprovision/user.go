package deprovision

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

// victim is the account that provisioning made, as the copy of the provisioning media names it.
type victim struct {
	name   string // "" if it is not known, or must not be removed
	entry  account.Entry
	exists bool
	why    string // why there is none to remove
	keys   []keyFile
}

// keyFile is a file outside the home that provisioning put keys into. It goes if it is a deployed key pair; of a file
// that may hold other keys only the line goes.
type keyFile struct {
	path string
	line string
}

// victim reads the copy before anything is deleted.
func (d *Deprovisioner) victim(ctx context.Context) victim {
	if !d.User {
		return victim{}
	}
	file := path.Join(d.Config.LibDir, ovfenv.FileName)
	data, err := d.Files.ReadFile(file)
	if err != nil {
		return victim{why: file + " could not be found."}
	}
	env, err := ovfenv.Decode(data)
	if err != nil {
		return victim{why: fmt.Sprintf("%s could not be understood (%v).", file, err)}
	}
	entry, err := d.accounts().Lookup(ctx, env.Linux.UserName)
	v := victim{name: env.Linux.UserName, entry: entry, exists: err == nil}
	switch {
	case errors.Is(err, account.ErrUnknown):
	case err != nil:
		return victim{why: fmt.Sprintf("The account %q could not be looked up (%v).", env.Linux.UserName, err)}
	case d.accounts().IsSystem(entry):
		return victim{why: fmt.Sprintf("The account %s (uid %d) is a system account and is never deleted.", entry.Name, entry.UID)}
	}
	v.keys = d.keysOutside(env, entry.Home)
	return v
}

func (d *Deprovisioner) keysOutside(env ovfenv.Environment, home string) []keyFile {
	var found []keyFile
	add := func(name, line string) {
		name = path.Clean(strings.ReplaceAll(name, "$HOME", d.Config.OS.HomeDir))
		inHome := home != "" && strings.HasPrefix(name, home+"/")
		if path.IsAbs(name) && !inHome && d.Files.Exists(name) {
			found = append(found, keyFile{name, line})
		}
	}
	for _, k := range env.Linux.PublicKeys {
		if line := strings.TrimSpace(k.Value); line != "" {
			add(k.Path, line)
		}
	}
	for _, k := range env.Linux.KeyPairs {
		add(k.Path, "")
		add(k.Path+".pub", "")
	}
	return found
}

func (d *Deprovisioner) removeUser(v victim) action {
	if v.name == "" {
		return action{
			warning: v.why + "\nNo user will be deleted.",
			run:     func(context.Context) error { return nil },
		}
	}
	a := action{
		warning: fmt.Sprintf("The account %s and all of its home will be deleted.", v.name),
		run:     func(ctx context.Context) error { return d.deleteUser(ctx, v) },
	}
	if v.exists {
		a.deletes = append(a.deletes, "the account "+v.name, v.entry.Home)
	}
	for _, k := range v.keys {
		a.deletes = append(a.deletes, k.path)
	}
	return a
}

func (d *Deprovisioner) deleteUser(ctx context.Context, v victim) error {
	failed := []error{d.accounts().Delete(ctx, v.name)}
	if !d.Family.NoSudo {
		failed = append(failed, account.Sudoers{Files: d.Files, Dir: d.Config.OS.SudoersDir}.Forbid(v.name))
	}
	for _, k := range v.keys {
		failed = append(failed, d.deleteKey(k))
	}
	return errors.Join(failed...)
}

func (d *Deprovisioner) deleteKey(k keyFile) error {
	if k.line == "" {
		return d.Files.Remove(k.path)
	}
	data, err := d.Files.ReadFile(k.path)
	if err != nil {
		return err
	}
	var rest strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.TrimSpace(line) != k.line {
			rest.WriteString(line)
		}
	}
	if strings.TrimSpace(rest.String()) == "" {
		return d.Files.Remove(k.path)
	}
	return d.Files.Rewrite(k.path, []byte(rest.String()), 0o600)
}

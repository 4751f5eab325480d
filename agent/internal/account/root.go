package account

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/waagent-go/waagent/agent/machine"
)

// rootLine is the original's: no password fits, and the date is the same on every machine.
const rootLine = "root:*LOCK*:14600::::::\n"

// LockRoot takes root's password away, in the shadow file at path or by the family's own command.
func LockRoot(ctx context.Context, a Accounts, path string) error {
	var argv []string
	switch a.Family.RootLocked {
	case "pw":
		argv = []string{"pw", "usermod", "root", "-h", "-"}
	case "usermod":
		argv = []string{"usermod", "-p", "*", "root"}
	default:
		return a.lockRootLine(path)
	}
	_, err := a.Machine.Run(ctx, machine.Command{Argv: argv})
	return missing(argv[0], err)
}

func (a Accounts) lockRootLine(path string) error {
	old, err := a.Files.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var b strings.Builder
	b.WriteString(rootLine)
	for line := range strings.Lines(string(old)) {
		if !strings.HasPrefix(line, "root:") {
			b.WriteString(line)
		}
	}
	if b.String() == string(old) {
		return nil
	}
	return a.Files.Rewrite(path, []byte(b.String()), 0o600)
}

package distro

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// HostnameMachine is what setting a host name asks of the machine.
type HostnameMachine interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Hostname() (string, error)
	SetHostname(name string) error
}

// SetHostname gives the machine its name, now and after a reboot, the way the distribution keeps it. What is right
// already is left alone. /etc/hosts is never touched.
func (f Family) SetHostname(ctx context.Context, files host.Files, m HostnameMachine, name string) error {
	if err := f.keepHostname(ctx, files, m, name); err != nil {
		return fmt.Errorf("keep host name %s: %w", name, err)
	}
	if f.Hostname == HostnameUnmanaged {
		return nil
	}
	if now, err := m.Hostname(); err == nil && now == name {
		return nil
	}
	if err := m.SetHostname(name); err != nil {
		return fmt.Errorf("set host name %s: %w", name, err)
	}
	return nil
}

func (f Family) keepHostname(ctx context.Context, files host.Files, m HostnameMachine, name string) error {
	switch f.Hostname {
	case HostnameUnmanaged:
		return nil
	case HostnameHOSTNAME:
		return content(files, "/etc/HOSTNAME", name)
	case HostnameMyname:
		return content(files, "/etc/myname", name+"\n")
	case HostnameSysconfig:
		return assignment(files, "/etc/sysconfig/network", "HOSTNAME=", name)
	case HostnameRCConf:
		return assignment(files, "/etc/rc.conf", "hostname=", `"`+name+`"`)
	case HostnameConfD:
		return assignment(files, "/etc/conf.d/hostname", "hostname=", `"`+name+`"`)
	case HostnameStaticCtl:
		return hostnamectl(ctx, files, m, "set-hostname", name, "--static")
	case HostnameCtl:
		return hostnamectl(ctx, files, m, "set-hostname", name)
	case HostnameUCI:
		return uci(ctx, files, m, name)
	case HostnameStormshield:
		return stormshield(ctx, m, name)
	}
	return content(files, "/etc/hostname", name)
}

// content writes a file that holds the name and nothing else, unless it does already.
func content(files host.Files, path, text string) error {
	if old, err := files.ReadFile(path); err == nil && strings.TrimSpace(string(old)) == strings.TrimSpace(text) {
		return nil
	}
	return files.Rewrite(path, []byte(text), 0o644)
}

// assignment replaces the lines that begin with key by one, or appends one.
func assignment(files host.Files, path, key, value string) error {
	old, err := files.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var b strings.Builder
	done := false
	for line := range strings.Lines(string(old)) {
		switch {
		case !strings.HasPrefix(line, key):
			b.WriteString(line)
		case !done:
			b.WriteString(key + value + "\n")
			done = true
		}
	}
	text := b.String()
	if !done {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text += key + value + "\n"
	}
	if text == string(old) {
		return nil
	}
	return files.Rewrite(path, []byte(text), 0o644)
}

// hostnamectl falls back on the file: a container or a machine without D-Bus has no hostnamed.
func hostnamectl(ctx context.Context, files host.Files, m HostnameMachine, words ...string) error {
	if old, err := files.ReadFile("/etc/hostname"); err == nil && strings.TrimSpace(string(old)) == words[1] {
		return nil
	}
	_, err := m.Run(ctx, machine.Command{Argv: append([]string{"hostnamectl"}, words...)})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return content(files, "/etc/hostname", words[1])
}

func uci(ctx context.Context, files host.Files, m HostnameMachine, name string) error {
	if err := content(files, "/etc/hostname", name); err != nil {
		return err
	}
	return runEach(ctx, m,
		[]string{"uci", "set", "system.@system[0].hostname=" + name},
		[]string{"uci", "commit", "system"},
		[]string{"/etc/init.d/system", "reload"})
}

func stormshield(ctx context.Context, m HostnameMachine, name string) error {
	const bin = "/usr/Firewall/sbin/"
	return runEach(ctx, m,
		[]string{bin + "setconf", "/usr/Firewall/System/global", "SystemName", name},
		[]string{bin + "enlog"}, []string{bin + "enproxy", "-u"}, []string{bin + "ensl", "-u"}, []string{bin + "ennetwork", "-f"})
}

// runEach stops at the first command that fails; one that is not there counts as failed.
func runEach(ctx context.Context, m HostnameMachine, commands ...[]string) error {
	for _, argv := range commands {
		if _, err := m.Run(ctx, machine.Command{Argv: argv}); err != nil {
			if errors.Is(err, exec.ErrNotFound) {
				return fmt.Errorf("%s is not installed: %w", argv[0], err)
			}
			return err
		}
	}
	return nil
}

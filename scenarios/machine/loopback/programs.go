package loopback

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/waagent-go/waagent/agent/machine"
)

func (p *pretend) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(p.root, name))
	return string(data)
}

func (p *pretend) write(name, data string, mode os.FileMode) error {
	return os.WriteFile(filepath.Join(p.root, name), []byte(data), mode)
}

// entry is the line of a colon-separated database whose first field is name, "" if there is none.
func (p *pretend) entry(file, name string) string {
	for line := range strings.Lines(p.read(file)) {
		if strings.HasPrefix(line, name+":") {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}

func (p *pretend) setEntry(file, name, line string) error {
	var out strings.Builder
	for l := range strings.Lines(p.read(file)) {
		if !strings.HasPrefix(l, name+":") {
			out.WriteString(l)
		}
	}
	if line != "" {
		out.WriteString(line + "\n")
	}
	return p.write(file, out.String(), 0o644)
}

func exit(code int, format string, args ...any) (machine.Result, error) {
	return machine.Result{ExitCode: code, Stderr: fmt.Appendf(nil, format, args...)}, nil
}

// operand is the one word of a command line that is neither an option nor an option's value.
func operand(argv []string) string {
	for i := 1; i < len(argv); i++ {
		switch {
		case slices.Contains([]string{"-s", "-e", "-c", "-g", "-G", "-d"}, argv[i]):
			i++
		case !strings.HasPrefix(argv[i], "-"):
			return argv[i]
		}
	}
	return ""
}

// option is the value of an option, "" if it is not there.
func option(argv []string, name string) string {
	if i := slices.Index(argv, name); i >= 0 && i+1 < len(argv) {
		return argv[i+1]
	}
	return ""
}

// useradd makes an account with the next free id and a home.
func useradd(p *pretend, c machine.Command) (machine.Result, error) {
	name := operand(c.Argv)
	if p.entry("/etc/passwd", name) != "" {
		return exit(9, "useradd: user '%s' already exists", name)
	}
	id := 1000 + strings.Count(p.read("/etc/passwd"), "\n")
	line := fmt.Sprintf("%s:x:%d:%d:%s:/home/%s:/bin/bash", name, id, id, option(c.Argv, "-c"), name)
	if err := os.MkdirAll(filepath.Join(p.root, "home", name), 0o755); err != nil {
		return machine.Result{}, err
	}
	if err := p.setEntry("/etc/group", name, fmt.Sprintf("%s:x:%d:", name, id)); err != nil {
		return machine.Result{}, err
	}
	if err := p.setEntry("/etc/shadow", name, name+":!:20000:0:99999:7:::"); err != nil {
		return machine.Result{}, err
	}
	return machine.Result{}, p.setEntry("/etc/passwd", name, line)
}

func userdel(p *pretend, c machine.Command) (machine.Result, error) {
	name := c.Argv[len(c.Argv)-1]
	for _, file := range []string{"/etc/passwd", "/etc/shadow", "/etc/group"} {
		if err := p.setEntry(file, name, ""); err != nil {
			return machine.Result{}, err
		}
	}
	return machine.Result{}, os.RemoveAll(filepath.Join(p.root, "home", name))
}

// chpasswd takes "name:hash" lines on standard input.
func chpasswd(p *pretend, c machine.Command) (machine.Result, error) {
	for line := range strings.Lines(string(c.Stdin)) {
		name, hash, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if p.entry("/etc/passwd", name) == "" {
			return exit(1, "chpasswd: line 1: user '%s' does not exist", name)
		}
		if err := p.setEntry("/etc/shadow", name, name+":"+hash+":20000:0:99999:7:::"); err != nil {
			return machine.Result{}, err
		}
	}
	return machine.Result{}, nil
}

func getent(p *pretend, c machine.Command) (machine.Result, error) {
	if len(c.Argv) < 3 || (c.Argv[1] != "passwd" && c.Argv[1] != "group") {
		return exit(1, "Unknown database")
	}
	line := p.entry("/etc/"+c.Argv[1], c.Argv[2])
	if line == "" {
		return exit(2, "")
	}
	return machine.Result{Stdout: []byte(line + "\n")}, nil
}

// hostname serves `hostname NAME` and `hostnamectl set-hostname NAME`.
func hostname(p *pretend, c machine.Command) (machine.Result, error) {
	words := slices.DeleteFunc(slices.Clone(c.Argv[1:]), func(w string) bool {
		return strings.HasPrefix(w, "-") || w == "set-hostname" || w == "hostname"
	})
	if len(words) == 1 {
		p.hostname = words[0]
	}
	return machine.Result{Stdout: []byte(p.hostname + "\n")}, nil
}

// systemctl knows no units, so nothing is enabled and nothing needs a restart.
func systemctl(_ *pretend, c machine.Command) (machine.Result, error) {
	if slices.Contains(c.Argv, "is-enabled") || slices.Contains(c.Argv, "is-active") {
		return exit(1, "disabled")
	}
	return machine.Result{}, nil
}

// service knows no service either.
func service(*pretend, machine.Command) (machine.Result, error) {
	return exit(1, "unrecognized service")
}

// sshKeygen makes a key pair (-t, -f, or -A for all types) or prints the fingerprint of one (-l -f).
func sshKeygen(p *pretend, c machine.Command) (machine.Result, error) {
	options := map[string]string{}
	for i, word := range c.Argv {
		if strings.HasPrefix(word, "-") && i+1 < len(c.Argv) {
			options[word] = c.Argv[i+1]
		}
	}
	switch {
	case slices.Contains(c.Argv, "-A"):
		for _, kind := range []string{"rsa", "ed25519"} {
			if err := p.hostKey(kind, "/etc/ssh/ssh_host_"+kind+"_key"); err != nil {
				return machine.Result{}, err
			}
		}
		return machine.Result{}, nil
	case options["-t"] != "":
		return machine.Result{}, p.hostKey(options["-t"], options["-f"])
	default:
		return p.fingerprint(options["-lf"] + options["-f"])
	}
}

func (p *pretend) hostKey(kind, path string) error {
	public, private, err := generate(kind)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	if err := p.write(path, string(pem.EncodeToMemory(block)), 0o600); err != nil {
		return err
	}
	return p.write(path+".pub", string(ssh.MarshalAuthorizedKey(key)), 0o644)
}

func generate(kind string) (public, private any, err error) {
	if kind == "ed25519" {
		return ed25519.GenerateKey(rand.Reader)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	return &key.PublicKey, key, nil
}

func (p *pretend) fingerprint(path string) (machine.Result, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey(bytes.TrimSpace([]byte(p.read(path))))
	if err != nil {
		return exit(255, "%s is not a public key file.", path)
	}
	return machine.Result{Stdout: fmt.Appendf(nil, "2048 %s root@loopback (RSA)\n", ssh.FingerprintSHA256(key))}, nil
}

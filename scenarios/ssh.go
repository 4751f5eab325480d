package scenarios

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/waagent-go/waagent/scenarios/machine"
)

// Key is the SSH key pair a scenario logs in with: its public half goes into the provisioning spec as
// `ssh_key: generated`.
type Key struct {
	signer ssh.Signer
	Public string // authorized_keys form
	File   string // the private half, for people who want to look around
}

// newKey makes a key pair and writes the private half below dir, for ssh -i.
func newKey(dir string) (Key, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return Key{}, err
	}
	block, err := ssh.MarshalPrivateKey(private, "waagent scenario")
	if err != nil {
		return Key{}, err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return Key{}, err
	}
	file := filepath.Join(dir, "id_ed25519")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return Key{}, err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " scenario@waagent"
	return Key{signer: signer, Public: line, File: file}, nil
}

// login is how to enter a guest.
type login struct {
	user     string
	key      ssh.Signer // nil: by password
	password string
}

// sshRun logs into the guest over real SSH and runs argv there. A login that is refused is an error; a command that
// fails is a Result.
func sshRun(ctx context.Context, m machine.Machine, l login, argv []string) (machine.Result, error) {
	conn, err := m.Dial(ctx, 22)
	if err != nil {
		return machine.Result{}, fmt.Errorf("dial the guest's sshd: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	client, err := sshClient(conn, l)
	if err != nil {
		return machine.Result{}, err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return machine.Result{}, err
	}
	defer session.Close()
	var stdout, stderr bytes.Buffer
	session.Stdout, session.Stderr = &stdout, &stderr
	err = session.Run(quote(argv))
	r := machine.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		r.ExitCode, err = exit.ExitStatus(), nil
	}
	return r, err
}

func sshClient(conn net.Conn, l login) (*ssh.Client, error) {
	auth := ssh.Password(l.password)
	if l.key != nil {
		auth = ssh.PublicKeys(l.key)
	}
	config := &ssh.ClientConfig{
		User: l.user,
		Auth: []ssh.AuthMethod{auth},
		// The guest made its host keys a moment ago; the fingerprint is checked where a script is about it.
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	}
	c, chans, reqs, err := ssh.NewClientConn(conn, "guest:22", config)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("log in as %s: %w", l.user, err)
	}
	return ssh.NewClient(c, chans, reqs), nil
}

// quote makes the one string that SSH sends out of an argument list, for the login shell at the other end.
func quote(argv []string) string {
	words := make([]string, len(argv))
	for i, arg := range argv {
		words[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}

package provision

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/machine"
)

// hostKeys makes this VM's SSH host keys, where that is asked for, and notes the fingerprint.
func (b *firstBoot) hostKeys(ctx context.Context) error {
	if !b.Machine.Has("ssh-keygen") && len(b.hostKeyFiles()) == 0 {
		b.Log.Warn("ssh-keygen is not installed: this VM gets no SSH host keys")
		return nil
	}
	switch {
	case b.Config.Provisioning.RegenerateSSHHostKeyPair:
		if err := b.regenerate(ctx); err != nil {
			return err
		}
	case len(b.hostKeyFiles()) == 0:
		b.Log.Info("There are no SSH host keys, making them")
		if err := b.generateAll(ctx); err != nil {
			return err
		}
	}
	var err error
	b.rec.Fingerprint, err = b.fingerprint()
	return err
}

// hostKeyFiles are all host keys, private and public.
func (p *Provisioner) hostKeyFiles() []string {
	return p.Files.Glob(p.Config.OS.SSHDir + "/ssh_host_*key*")
}

func (b *firstBoot) regenerate(ctx context.Context) error {
	for _, name := range b.hostKeyFiles() {
		if err := b.Files.Remove(name); err != nil {
			return err
		}
	}
	kind := b.Config.Provisioning.SSHHostKeyPairType
	if kind == "auto" {
		return b.generateAll(ctx)
	}
	err := b.generate(ctx, kind)
	if err != nil && kind == "dsa" && ctx.Err() == nil {
		b.Log.Warn("ssh-keygen no longer makes dsa keys, making an rsa key", "error", err)
		err = b.generate(ctx, "rsa")
	}
	return err
}

// generateAll makes every kind that ssh-keygen makes by itself. Its -A knows only the folder it was built with.
func (b *firstBoot) generateAll(ctx context.Context) error {
	if b.Config.OS.SSHDir == "/etc/ssh" {
		return b.keygen(ctx, "-A")
	}
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		if err := b.generate(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

func (b *firstBoot) generate(ctx context.Context, kind string) error {
	return b.keygen(ctx, "-q", "-N", "", "-t", kind, "-f", path.Join(b.Config.OS.SSHDir, "ssh_host_"+kind+"_key"))
}

func (b *firstBoot) keygen(ctx context.Context, args ...string) error {
	_, err := b.Machine.Run(ctx, machine.Command{Argv: append([]string{"ssh-keygen"}, args...)})
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("make SSH host keys: the program ssh-keygen is not installed: %w", err)
	}
	if err != nil {
		return fmt.Errorf("make SSH host keys: %w", err)
	}
	return nil
}

// hostKeyFile is the public key whose fingerprint is reported.
func (p *Provisioner) hostKeyFile() string {
	kind := p.Config.Provisioning.SSHHostKeyPairType
	if kind == "auto" {
		kind = "rsa"
	}
	return path.Join(p.Config.OS.SSHDir, "ssh_host_"+kind+"_key.pub")
}

// fingerprint is that of the configured kind of key, or of another one there is.
func (p *Provisioner) fingerprint() (string, error) {
	want := p.hostKeyFile()
	found, err := p.fingerprintOf(want)
	if err == nil {
		return found, nil
	}
	for _, name := range p.Files.Glob(p.Config.OS.SSHDir + "/ssh_host_*_key.pub") {
		if found, otherErr := p.fingerprintOf(name); otherErr == nil {
			p.Log.Warn("The configured kind of SSH host key is not there, reporting another", "want", want, "have", name)
			return found, nil
		}
	}
	return "", fmt.Errorf("read the fingerprint of the SSH host key: %w", err)
}

// fingerprintOf is what ssh-keygen -lf prints in its second column, colons removed: the form in which the original took it.
func (p *Provisioner) fingerprintOf(name string) (string, error) {
	data, err := p.Files.ReadFile(name)
	if err != nil {
		return "", err
	}
	key, err := parseSSHKey(string(data))
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	blob, err := base64.StdEncoding.DecodeString(key.blob)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(blob)
	return strings.ReplaceAll("SHA256:"+base64.RawStdEncoding.EncodeToString(sum[:]), ":", ""), nil
}

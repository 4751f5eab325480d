package provision

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

// deployKeys appends each public key to the file it is for, once.
func (b *firstBoot) deployKeys(ctx context.Context) error {
	owner, err := b.accounts().Lookup(ctx, b.env.Linux.UserName)
	if err != nil {
		return err
	}
	for i, key := range b.env.Linux.PublicKeys {
		if err := b.deployKey(ctx, owner, key); err != nil {
			return fmt.Errorf("deploy SSH public key %d for %s: %w", i+1, key.Path, err)
		}
	}
	return nil
}

func (b *firstBoot) deployKey(ctx context.Context, owner account.Entry, key ovfenv.PublicKey) error {
	file, err := b.keyPath(key.Path)
	if err != nil {
		return err
	}
	lines, err := b.keyLines(key)
	if err != nil {
		return err
	}
	if err := b.keyDir(owner, path.Dir(file)); err != nil {
		return err
	}
	old, err := b.Files.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := b.Files.WriteAtomic(file, appendKeys(old, lines), 0o644); err != nil {
		return err
	}
	if err := b.Machine.Chown(file, owner.UID, owner.GID); err != nil {
		return err
	}
	b.label(ctx, file)
	return nil
}

// keyPath is where a key goes: $HOME is the folder of all homes, as in the original.
func (b *firstBoot) keyPath(name string) (string, error) {
	if name == "" {
		return "", errors.New("it has no path")
	}
	name = path.Clean(strings.ReplaceAll(name, "$HOME", b.Config.OS.HomeDir))
	if !path.IsAbs(name) {
		return "", fmt.Errorf("%s is not an absolute path", name)
	}
	return name, nil
}

// keyLines are the lines to add: the value, or what the certificate with the thumbprint holds.
func (b *firstBoot) keyLines(key ovfenv.PublicKey) ([]string, error) {
	var lines []string
	for line := range strings.Lines(key.Value) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := parseSSHKey(line); err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		return lines, nil
	}
	if key.Fingerprint == "" {
		return nil, errors.New("it has neither a value nor a thumbprint")
	}
	thumbprint, err := thumbprint(key.Fingerprint)
	if err != nil {
		return nil, err
	}
	certificate, err := b.Files.ReadFile(b.lib(thumbprint + ".crt"))
	if err != nil {
		return nil, fmt.Errorf("the fabric sent no certificate %s: %w", thumbprint, err)
	}
	public, line, err := certificateKey(certificate)
	if err != nil {
		return nil, err
	}
	return []string{line}, b.Files.WriteAtomic(b.lib(thumbprint+".pub"), public, 0o600)
}

// thumbprint checks what becomes a file name.
func thumbprint(text string) (string, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if text == "" || strings.Trim(text, "0123456789ABCDEF") != "" {
		return "", fmt.Errorf("%q is no thumbprint", text)
	}
	return text, nil
}

// appendKeys adds the lines whose key is not in old yet.
func appendKeys(old []byte, lines []string) []byte {
	have := map[sshKey]bool{}
	for line := range strings.Lines(string(old)) {
		if key, err := parseSSHKey(line); err == nil && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			have[key] = true
		}
	}
	text := string(old)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	for _, line := range lines {
		key, err := parseSSHKey(line)
		if err == nil && have[key] {
			continue
		}
		have[key] = true
		text += line + "\n"
	}
	return []byte(text)
}

package provision

import (
	"context"
	"fmt"
	"io/fs"
	"path"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

// deployPairs stores private keys where the DVD wants them, for the user alone, and the public half beside them.
func (b *firstBoot) deployPairs(ctx context.Context) error {
	owner, err := b.accounts().Lookup(ctx, b.env.Linux.UserName)
	if err != nil {
		return err
	}
	for i, pair := range b.env.Linux.KeyPairs {
		if err := b.deployPair(ctx, owner, pair); err != nil {
			return fmt.Errorf("deploy SSH key pair %d for %s: %w", i+1, pair.Path, err)
		}
	}
	return nil
}

func (b *firstBoot) deployPair(ctx context.Context, owner account.Entry, pair ovfenv.KeyPair) error {
	file, err := b.keyPath(pair.Path)
	if err != nil {
		return err
	}
	thumbprint, err := thumbprint(pair.Fingerprint)
	if err != nil {
		return err
	}
	private, err := b.Files.ReadFile(b.lib(thumbprint + ".prv"))
	if err != nil {
		return fmt.Errorf("the fabric sent no private key %s: %w", thumbprint, err)
	}
	certificate, err := b.Files.ReadFile(b.lib(thumbprint + ".crt"))
	if err != nil {
		return fmt.Errorf("the fabric sent no certificate %s: %w", thumbprint, err)
	}
	_, line, err := certificateKey(certificate)
	if err != nil {
		return err
	}
	if err := b.keyDir(owner, path.Dir(file)); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
		mode fs.FileMode
	}{{file, private, 0o600}, {file + ".pub", []byte(line + "\n"), 0o644}} {
		if err := b.Files.WriteAtomic(f.name, f.data, f.mode); err != nil {
			return err
		}
		if err := b.Machine.Chown(f.name, owner.UID, owner.GID); err != nil {
			return err
		}
		b.label(ctx, f.name)
	}
	return nil
}

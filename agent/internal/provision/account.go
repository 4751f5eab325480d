package provision

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/account"
)

// maxHostname is the kernel's limit.
const maxHostname = 64

// setHostname gives the machine its name and makes it known. A name that could not be published is no failure: the
// monitor tries again.
func (b *firstBoot) setHostname(ctx context.Context) error {
	name := b.env.Linux.HostName
	if len(name) > maxHostname || strings.ContainsAny(name, " \t\r\n/\"'\\\x00") || strings.HasPrefix(name, "-") {
		return fmt.Errorf("the host name %q cannot be set", name)
	}
	if err := b.Family.SetHostname(ctx, b.Files, b.Machine, name); err != nil {
		return err
	}
	if b.Publish == nil {
		return nil
	}
	if err := b.Publish(ctx, name); err != nil && ctx.Err() == nil {
		b.Log.Warn("The host name is set but could not be published", "hostname", name, "error", err)
	}
	return ctx.Err()
}

func (b *firstBoot) makeAccount(ctx context.Context) error {
	name := b.env.Linux.UserName
	home := path.Join(b.Config.OS.HomeDir, name)
	waiting := account.CheckName(name) == nil && b.Files.Exists(home)
	entry, made, err := b.accounts().Add(ctx, account.New{Name: name})
	if err != nil {
		return err
	}
	if !made {
		b.Log.Info("The account exists already", "user", name, "uid", entry.UID)
		return nil
	}
	b.Log.Info("Made the account", "user", name, "uid", entry.UID)
	if waiting && entry.Home == home { // a filesystem of its own, say: useradd takes the folder as it is
		return b.Machine.Chown(home, entry.UID, entry.GID)
	}
	return nil
}

// setPassword refuses an account of the system's own, unless the configuration allows it.
func (b *firstBoot) setPassword(ctx context.Context) error {
	password := b.env.Linux.UserPassword
	entry, err := b.accounts().Lookup(ctx, b.env.Linux.UserName)
	if err != nil {
		return err
	}
	conf := b.Config.Provisioning
	if b.accounts().IsSystem(entry) && !conf.AllowResetSysUser {
		return fmt.Errorf("the password of %s is not set: it is a system account (uid %d) and Provisioning.AllowResetSysUser is n", entry.Name, entry.UID)
	}
	scheme := account.Scheme{ID: conf.PasswordCryptID, SaltLength: conf.PasswordCryptSaltLength}
	err = b.accounts().SetPassword(ctx, entry.Name, password, scheme)
	if err != nil && scheme.ID == account.Yescrypt && ctx.Err() == nil {
		b.Log.Warn("This system cannot hash with yescrypt, taking SHA-512", "error", firstLine(err))
		err = b.accounts().SetPassword(ctx, entry.Name, password, account.Scheme{ID: "6", SaltLength: conf.PasswordCryptSaltLength})
	}
	return err
}

// allowSudo asks for the password where the account has one.
func (b *firstBoot) allowSudo(ctx context.Context) error {
	if b.Family.NoSudo {
		return b.doas()
	}
	if !b.Machine.Has("sudo") {
		b.Log.Warn("sudo is not installed; its rule is written all the same")
	}
	s := account.Sudoers{Files: b.Files, Dir: b.Config.OS.SudoersDir}
	return s.Allow(b.env.Linux.UserName, !b.env.Linux.UserPassword.IsZero())
}

// doas is OpenBSD's way; other families without sudo have an account of their own.
func (b *firstBoot) doas() error {
	if b.Family.Name != "openbsd" {
		return nil
	}
	rule := "permit keepenv nopass " + b.env.Linux.UserName
	if !b.env.Linux.UserPassword.IsZero() {
		rule = "permit keepenv persist " + b.env.Linux.UserName
	}
	const path = "/etc/doas.conf"
	old, err := b.Files.ReadFile(path)
	text := string(old)
	if err != nil {
		text = "permit keepenv nopass root\n"
	}
	if strings.Contains("\n"+text, "\n"+rule+"\n") {
		return nil
	}
	return b.Files.Rewrite(path, []byte(text+rule+"\n"), 0o644)
}

// lockRoot leaves root without a password.
func (b *firstBoot) lockRoot(ctx context.Context) error {
	return account.LockRoot(ctx, b.accounts(), b.Config.OS.PasswordPath)
}

func (b *firstBoot) needsCertificates() bool {
	for _, k := range b.env.Linux.PublicKeys {
		if k.Value == "" && k.Fingerprint != "" {
			return true
		}
	}
	return len(b.env.Linux.KeyPairs) > 0
}

func (b *firstBoot) fetchCertificates(ctx context.Context) error {
	if b.Certificates == nil {
		return errors.New("the certificates of this VM cannot be fetched here")
	}
	return b.Certificates(ctx)
}

// firstLine leaves out the usage text that a program adds to its refusal.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

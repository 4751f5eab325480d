package account

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// Sudoers is the agent's file in the folder of sudo rules.
type Sudoers struct {
	Files host.Files
	Dir   string // OS.SudoersDir
}

const sudoersName = "waagent"

// Path is the agent's file.
func (s Sudoers) Path() string { return path.Join(s.Dir, sudoersName) }

// Allow lets user run everything, asked for the own password or, without one, not asked. An earlier rule for the user
// is replaced; the original left both.
func (s Sudoers) Allow(user string, withPassword bool) error {
	if err := CheckName(user); err != nil {
		return err
	}
	if err := s.ensureDir(); err != nil {
		return fmt.Errorf("make %s: %w", s.Dir, err)
	}
	rule := user + " ALL=(ALL) NOPASSWD: ALL"
	if withPassword {
		rule = user + " ALL=(ALL) ALL"
	}
	return s.edit(func(old []byte) []byte { return allow(old, user, rule) })
}

// Forbid takes user's rules away; those of others stay, also of users whose name only begins alike.
func (s Sudoers) Forbid(user string) error {
	return s.edit(func(old []byte) []byte { return forbid(old, user) })
}

func (s Sudoers) edit(change func([]byte) []byte) error {
	old, err := s.Files.ReadFile(s.Path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := change(old)
	if string(text) == string(old) {
		return nil
	}
	return s.Files.WriteAtomic(s.Path(), text, 0o440)
}

func allow(old []byte, user, rule string) []byte {
	var b strings.Builder
	there := false
	for line := range strings.Lines(string(old)) {
		if ruleUser(line) == user {
			if there || strings.TrimSpace(line) != rule {
				continue
			}
			there = true
		}
		b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
	if !there {
		b.WriteString(rule + "\n")
	}
	return []byte(b.String())
}

func forbid(old []byte, user string) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(old)) {
		if ruleUser(line) != user {
			b.WriteString(line)
		}
	}
	return []byte(b.String())
}

// ruleUser is whom a line of our file is about, "" for anything else.
func ruleUser(line string) string {
	words := strings.Fields(line)
	if len(words) < 2 || strings.HasPrefix(words[0], "#") || !strings.HasPrefix(words[1], "ALL=") {
		return ""
	}
	return words[0]
}

// ensureDir makes the folder where a distribution has none, and has the sudoers file beside it read it.
func (s Sudoers) ensureDir() error {
	if s.Files.Exists(s.Dir) {
		return nil
	}
	if err := s.Files.MkdirAll(s.Dir, 0o750); err != nil {
		return err
	}
	main := path.Join(path.Dir(s.Dir), "sudoers")
	old, err := s.Files.ReadFile(main)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no sudo: its package will bring a file that reads the folder
	}
	if err != nil || strings.Contains(string(old), "includedir "+s.Dir) {
		return err
	}
	return s.Files.Rewrite(main, append(old, "\n#includedir "+s.Dir+"\n"...), 0o440)
}

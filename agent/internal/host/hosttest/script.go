// Package hosttest is the pretend machine of unit tests. It answers the commands a test lists, fails the test on any
// other, changes nothing outside its root, and remembers what it was asked to do.
package hosttest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// Answer is what a Script says to one command.
type Answer struct {
	Argv           []string // "*" stands for any one argument; a last "..." for any number of them
	Stdout, Stderr string
	Code           int   // other than 0: Run returns an *machine.ExitError
	Err            error // returned as it is; exec.ErrNotFound makes Has say no
	Once           bool  // answers one command only; a later Answer may answer the next
	// Do runs before the answer is given, for programs whose effect on files matters.
	Do func(c machine.Command) error
}

// OK answers a command, written as words, with success and stdout.
func OK(command, stdout string) Answer {
	return Answer{Argv: strings.Fields(command), Stdout: stdout}
}

// Fail answers a command, written as words, with an exit code and stderr.
func Fail(command string, code int, stderr string) Answer {
	return Answer{Argv: strings.Fields(command), Code: code, Stderr: stderr}
}

// Missing says that a program is not installed.
func Missing(program string) Answer {
	return Answer{Argv: []string{program, "..."}, Err: exec.ErrNotFound}
}

// Owner is who a path was given to.
type Owner struct{ UID, GID int }

// Script is a machine.Machine for tests. Fields are set before use; what it recorded is asked by methods.
type Script struct {
	// Handler answers RunHandler; nil fails the test.
	Handler func(ctx context.Context, c machine.HandlerCommand) (machine.CommandEnd, error)
	// OnMount decides whether a mount works; nil: it does.
	OnMount func(m machine.Mount) error
	Boot    string        // BootID, "boot-1" by default
	Up      time.Duration // Uptime, 10 s by default
	Name    string        // the kernel's host name, "localhost" by default

	t       testing.TB
	files   host.Files
	mu      sync.Mutex
	answers []Answer
	used    []bool
	calls   []machine.Command
	mounts  []machine.Mount
	owners  map[string]Owner
	ejected []string
}

var _ machine.Machine = (*Script)(nil)

// New is a machine whose files lie below root and which answers the given commands.
func New(t testing.TB, root string, answers ...Answer) *Script {
	return &Script{
		t: t, files: host.Files{Root: root}, answers: answers, used: make([]bool, len(answers)),
		owners: map[string]Owner{}, Boot: "boot-1", Up: 10 * time.Second, Name: "localhost",
	}
}

// Files are the machine's files.
func (s *Script) Files() host.Files { return s.files }

// Add lists more commands.
func (s *Script) Add(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, answers...)
	s.used = append(s.used, make([]bool, len(answers))...)
}

// Run gives the first answer that fits, or fails the test.
func (s *Script) Run(ctx context.Context, c machine.Command) (machine.Result, error) {
	if err := ctx.Err(); err != nil {
		return machine.Result{ExitCode: -1}, err
	}
	a, ok := s.answer(c)
	if !ok {
		s.t.Errorf("unexpected command: %q", c.Argv)
		return machine.Result{ExitCode: 127}, fmt.Errorf("run %q: not in the script", c.Argv)
	}
	if a.Err != nil {
		return machine.Result{ExitCode: 127}, fmt.Errorf("run %s: %w", c.Argv[0], a.Err)
	}
	if a.Do != nil {
		if err := a.Do(c); err != nil {
			return machine.Result{ExitCode: 1}, err
		}
	}
	res := machine.Result{Stdout: []byte(a.Stdout), Stderr: []byte(a.Stderr), ExitCode: a.Code}
	if a.Code != 0 {
		return res, &machine.ExitError{Argv: c.Argv, Code: a.Code, Stderr: a.Stderr}
	}
	return res, nil
}

func (s *Script) answer(c machine.Command) (Answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	for i, a := range s.answers {
		if matches(a.Argv, c.Argv) && !(a.Once && s.used[i]) {
			s.used[i] = true
			return a, true
		}
	}
	return Answer{}, false
}

func matches(pattern, argv []string) bool {
	for i, p := range pattern {
		if p == "..." && i == len(pattern)-1 {
			return true
		}
		if i >= len(argv) || (p != "*" && p != argv[i]) {
			return false
		}
	}
	return len(pattern) == len(argv)
}

// Has reports whether the script answers the program.
func (s *Script) Has(program string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.answers, func(a Answer) bool { return a.Argv[0] == program })
	return i >= 0 && !errors.Is(s.answers[i].Err, exec.ErrNotFound)
}

// RunHandler asks Handler.
func (s *Script) RunHandler(ctx context.Context, c machine.HandlerCommand) (machine.CommandEnd, error) {
	if s.Handler == nil {
		s.t.Errorf("unexpected handler command: %q", c.Line)
		return machine.CommandEnd{}, errors.New("no handler in the script")
	}
	return s.Handler(ctx, c)
}

// Chown remembers the owner of a path that exists.
func (s *Script) Chown(path string, uid, gid int) error {
	if _, err := s.files.Lstat(path); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owners[filepath.Clean(path)] = Owner{uid, gid}
	return nil
}

// Mount remembers a mount at a folder that exists.
func (s *Script) Mount(ctx context.Context, source, target, fstype, options string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if info, err := s.files.Stat(target); err != nil {
		return err
	} else if !info.IsDir() {
		return &fs.PathError{Op: "mount", Path: target, Err: errors.New("not a directory")}
	}
	m := machine.Mount{Source: source, Target: filepath.Clean(target), Type: fstype, Options: options}
	if s.OnMount != nil {
		if err := s.OnMount(m); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mounts = append(s.mounts, m)
	return nil
}

// Unmount forgets the latest mount at target.
func (s *Script) Unmount(_ context.Context, target string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range slices.Backward(s.mounts) {
		if m.Target == filepath.Clean(target) {
			s.mounts = slices.Delete(s.mounts, i, i+1)
			return nil
		}
	}
	return fmt.Errorf("unmount %s: not mounted", target)
}

// Mounts lists what is mounted now.
func (s *Script) Mounts() ([]machine.Mount, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mounts), nil
}

// Eject remembers the device.
func (s *Script) Eject(device string) error {
	if _, err := s.files.Stat(device); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ejected = append(s.ejected, device)
	return nil
}

// Hostname is Name.
func (s *Script) Hostname() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Name, nil
}

// SetHostname changes Name.
func (s *Script) SetHostname(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Name = name
	return nil
}

// BootID is Boot.
func (s *Script) BootID() string { return s.Boot }

// Uptime is Up.
func (s *Script) Uptime() time.Duration { return s.Up }

// Calls are the commands so far, each as one line.
func (s *Script) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, c := range s.calls {
		lines = append(lines, strings.Join(c.Argv, " "))
	}
	return lines
}

// Commands are the commands so far, whole.
func (s *Script) Commands() []machine.Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Owner is who path was last given to.
func (s *Script) Owner(path string) (Owner, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.owners[filepath.Clean(path)]
	return o, ok
}

// Ejected are the drives that were opened.
func (s *Script) Ejected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ejected)
}

// Unused are the listed commands that nobody ran; a test that must see them all asserts that there are none.
func (s *Script) Unused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for i, a := range s.answers {
		if !s.used[i] {
			lines = append(lines, strings.Join(a.Argv, " "))
		}
	}
	return lines
}

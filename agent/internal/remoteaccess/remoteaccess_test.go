package remoteaccess_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/internal/remoteaccess"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

type machine struct {
	did    []string
	marked []string
	fail   string // the beginning of what fails
}

func (m *machine) do(format string, args ...any) error {
	did := fmt.Sprintf(format, args...)
	m.did = append(m.did, did)
	if m.fail != "" && strings.HasPrefix(did, m.fail) {
		return errors.New("no")
	}
	return nil
}

func (m *machine) Marked() ([]string, error) { return slices.Clone(m.marked), nil }
func (m *machine) Exists(_ context.Context, name string) (bool, error) {
	return name == "root", nil
}
func (m *machine) Create(_ context.Context, name string, expires time.Time) error {
	err := m.do("create %s until %s", name, expires.Format(time.DateOnly))
	if err == nil {
		m.marked = append(m.marked, name)
	}
	return err
}
func (m *machine) SetPassword(_ context.Context, name string, p secret.Text) error {
	return m.do("password %s %s", name, p.Reveal())
}
func (m *machine) SetExpiry(_ context.Context, name string, expires time.Time) error {
	return m.do("expiry %s %s", name, expires.Format(time.DateOnly))
}
func (m *machine) Delete(_ context.Context, name string) error {
	m.marked = slices.DeleteFunc(m.marked, func(n string) bool { return n == name })
	return m.do("delete %s", name)
}

// user has a password that our Decrypt opens: it turns the bytes around.
func user(name, password string, expires time.Time) goalstate.User {
	var b []byte
	for _, u := range utf16.Encode([]rune(password)) {
		b = append(b, byte(u), byte(u>>8))
	}
	slices.Reverse(b)
	return goalstate.User{Name: name, Password: secret.New(base64.StdEncoding.EncodeToString(b)), Expiration: expires.UTC().Format("Mon, 2 Jan 2006 15:04:05") + " GMT"}
}

type site struct {
	*remoteaccess.Access
	*machine
	t   *testing.T
	inc int
	log bytes.Buffer
}

func run(t *testing.T, story func(s *site)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, machine: new(machine)}
		s.Access = &remoteaccess.Access{
			Accounts: s.machine, Events: event.Discard{}, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
			Decrypt: func(b []byte) ([]byte, error) { b = slices.Clone(b); slices.Reverse(b); return b, nil },
		}
		story(s)
	})
}

// goal makes a new goal state with these users and wants these things done.
func (s *site) goal(users []goalstate.User, want ...string) {
	s.t.Helper()
	s.inc++
	s.again(users, want...)
}

func (s *site) again(users []goalstate.User, want ...string) {
	s.t.Helper()
	s.did = nil
	s.Sync(s.t.Context(), goalstate.Wanted{Incarnation: fmt.Sprint(s.inc), Users: users, HasUsers: users != nil})
	assert.DeepEqual(s.t, s.did, want)
}

func TestAUsersLife(t *testing.T) {
	run(t, func(s *site) {
		in2h, in5h := time.Now().Add(2*time.Hour), time.Now().Add(5*time.Hour)
		users := []goalstate.User{user("ann", "grün", in2h), user("bob", "b", in5h)}
		s.goal(users, "create ann until 2000-01-02", "password ann grün", "create bob until 2000-01-02", "password bob b")
		s.again(users)
		s.goal(users)
		users[0] = user("ann", "new", in2h)
		s.goal(users, "password ann new")
		users[1] = user("bob", "b", in5h.AddDate(0, 0, 3))
		s.goal(users, "expiry bob 2000-01-05")
		time.Sleep(3 * time.Hour)
		s.again(users, "delete ann") // without a new goal state
		s.again(users)
		s.goal(users[:1], "delete bob")
		s.goal(nil)
		s.goal(nil)
		assert.Assert(t, !strings.Contains(s.log.String(), "new password=") && !strings.Contains(s.log.String(), "grün"))
	})
}

func TestWithoutADocumentAllAreRemovedOnce(t *testing.T) {
	run(t, func(s *site) {
		s.marked = []string{"left"}
		s.goal(nil, "delete left")
		s.marked = []string{"odd"}
		s.goal(nil)
		s.goal([]goalstate.User{}, "delete odd")
	})
}

func TestOtherAccountsAreNeverTouched(t *testing.T) {
	run(t, func(s *site) {
		s.goal([]goalstate.User{user("root", "x", time.Now().Add(time.Hour)), user("ann", "x", time.Now().Add(time.Hour))},
			"create ann until 2000-01-02", "password ann x")
		assert.Assert(t, strings.Contains(s.log.String(), "user root"))
	})
}

func TestAnAccountThatCannotBeFinishedIsRemovedAgain(t *testing.T) {
	run(t, func(s *site) {
		s.fail = "password"
		s.goal([]goalstate.User{user("ann", "x", time.Now().Add(time.Hour))}, "create ann until 2000-01-02", "password ann x", "delete ann")
	})
}

func TestAfterARestartPasswordsAreLeftAlone(t *testing.T) {
	run(t, func(s *site) {
		s.marked = []string{"ann"}
		s.goal([]goalstate.User{user("ann", "x", time.Now().Add(time.Hour))})
		s.goal([]goalstate.User{user("ann", "y", time.Now().Add(time.Hour))}, "password ann y")
	})
}

func TestASenselessUserConcernsNobodyElse(t *testing.T) {
	run(t, func(s *site) {
		later := time.Now().Add(time.Hour)
		bad1, bad2, bad3 := user("a", "x", later), user("b", "x", later), user("c", "", later)
		bad1.Expiration, bad2.Password = "2031-01-01", secret.New("!")
		s.goal([]goalstate.User{bad1, bad2, bad3, user("ann", "x", later)}, "create ann until 2000-01-02", "password ann x")
	})
}

func TestTheMachinesAccounts(t *testing.T) {
	t.Parallel()
	dir := fs.NewDir(t, "root", fs.WithDir("etc", fs.WithFile("passwd",
		"root:x:0:0:root:/root:/bin/sh\njit:x:1001:1001:JIT_Account:/home/jit:/bin/sh\nshort:x\nother:x:1002:1002:JIT_Account2:/:/bin/sh\n")))
	script := hosttest.New(t, dir.Path(), hosttest.OK("usermod -e 2031-01-02 jit", ""))
	m := remoteaccess.Machine{Accounts: account.Accounts{Files: script.Files(), Machine: script}}
	marked, err := m.Marked()
	assert.NilError(t, err)
	assert.DeepEqual(t, marked, []string{"jit"})
	assert.NilError(t, m.SetExpiry(t.Context(), "jit", time.Date(2031, 1, 2, 3, 0, 0, 0, time.UTC)))
}

func FuzzPassword(f *testing.F) {
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("\xfe\xff\x00a"))
	f.Fuzz(func(t *testing.T, plain []byte) {
		m := new(machine)
		a := &remoteaccess.Access{Accounts: m, Events: event.Discard{}, Log: slog.New(slog.DiscardHandler), Decrypt: func([]byte) ([]byte, error) { return plain, nil }}
		u := user("ann", "x", time.Now().Add(time.Hour))
		a.Sync(t.Context(), goalstate.Wanted{Incarnation: "1", Users: []goalstate.User{u}, HasUsers: true})
		assert.Assert(t, len(m.did) == 0 || len(m.did) == 2, "%q", m.did)
	})
}

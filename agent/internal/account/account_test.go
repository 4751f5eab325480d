package account_test

import (
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/machine"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

const passwd = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\nbob:x:1001:1002:B:/home/bob:/bin/sh\n"

func accounts(t *testing.T, family distro.Family, answers ...hosttest.Answer) (account.Accounts, *hosttest.Script) {
	t.Helper()
	m := hosttest.New(t, t.TempDir(), answers...)
	files := m.Files()
	assert.NilError(t, files.MkdirAll("/etc", 0o755))
	assert.NilError(t, files.MkdirAll("/var/run", 0o755))
	assert.NilError(t, files.WriteAtomic("/etc/passwd", []byte(passwd), 0o644))
	return account.Accounts{Files: files, Machine: m, Family: family}, m
}

func TestGetentIsAskedFirstAndPasswdWithoutIt(t *testing.T) {
	t.Parallel()
	a, _ := accounts(t, distro.Family{}, hosttest.OK("getent passwd eve", "eve:*:70001:70002::/ad/eve:/bin/sh\n"), hosttest.Fail("getent passwd bob", 2, ""))
	e, err := a.Lookup(t.Context(), "eve")
	assert.NilError(t, err)
	assert.DeepEqual(t, e, account.Entry{Name: "eve", UID: 70001, GID: 70002, Home: "/ad/eve", Shell: "/bin/sh"})
	_, err = a.Lookup(t.Context(), "bob")
	assert.ErrorIs(t, err, account.ErrUnknown)

	a, _ = accounts(t, distro.Family{}, hosttest.Missing("getent"))
	e, err = a.Lookup(t.Context(), "bob")
	assert.NilError(t, err)
	assert.Equal(t, e.GID, 1002)
}

func TestAddMakesWhatIsMissing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		family distro.Family
		new    account.New
		want   string
	}{
		"plain":   {distro.Family{}, account.New{Name: "al"}, "useradd -m al"},
		"debian":  {distro.Family{Shell: "/bin/bash"}, account.New{Name: "al"}, "useradd -m al -s /bin/bash"},
		"expires": {distro.Family{}, account.New{Name: "al", Expires: time.Date(2031, 2, 3, 0, 0, 0, 0, time.UTC), Comment: "JIT"}, "useradd -m al -e 2031-02-03 -c JIT"},
		"pw":      {distro.Family{AddUser: distro.AddUserPw}, account.New{Name: "al", Comment: "c"}, "pw useradd al -m -c c"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			unknown := hosttest.Fail("getent passwd al", 2, "")
			unknown.Once = true
			a, m := accounts(t, tc.family, unknown, hosttest.OK("getent passwd al", "al:x:1000:1000::/home/al:/bin/sh"),
				hosttest.Fail("getent group al", 2, ""), hosttest.OK(tc.want, ""))
			e, made, err := a.Add(t.Context(), tc.new)
			assert.NilError(t, err)
			assert.Assert(t, made)
			assert.Equal(t, e.UID, 1000)
			assert.Assert(t, strings.Contains(strings.Join(m.Calls(), "\n"), tc.want))
		})
	}
}

func TestAddTakesAGroupThatExists(t *testing.T) {
	t.Parallel()
	unknown := hosttest.Fail("getent passwd al", 2, "")
	unknown.Once = true
	a, _ := accounts(t, distro.Family{}, unknown, hosttest.OK("getent passwd al", "al:x:1000:7::/home/al:/bin/sh"),
		hosttest.OK("getent group al", "al:x:7:"), hosttest.OK("useradd -m al -g al", ""))
	_, _, err := a.Add(t.Context(), account.New{Name: "al"})
	assert.NilError(t, err)
}

func TestAddLeavesAnExistingAccountAlone(t *testing.T) {
	t.Parallel()
	a, _ := accounts(t, distro.Family{}, hosttest.OK("getent passwd bob", passwd))
	_, made, err := a.Add(t.Context(), account.New{Name: "bob"})
	assert.NilError(t, err)
	assert.Assert(t, !made)
}

func TestAMissingProgramIsNamed(t *testing.T) {
	t.Parallel()
	a, _ := accounts(t, distro.Family{}, hosttest.Missing("useradd"), hosttest.Missing("getent"))
	_, _, err := a.Add(t.Context(), account.New{Name: "al"})
	assert.ErrorIs(t, err, exec.ErrNotFound)
	assert.ErrorContains(t, err, "useradd is not installed")
}

func TestNamesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "-r", "a:b", "a b", "a/b", "..", "a\nb", "%wheel", "a,b", "#1"} {
		assert.Assert(t, account.CheckName(name) != nil, "%q", name)
	}
	for _, name := range []string{"azureuser", "a.b-c_d", "svc$", "Bob", "jos\u00e9"} {
		assert.NilError(t, account.CheckName(name))
	}
}

func TestSystemAccountsAreKnownByTheirNumber(t *testing.T) {
	t.Parallel()
	a, m := accounts(t, distro.Family{Name: "flatcar"})
	assert.Assert(t, a.IsSystem(account.Entry{Name: "x", UID: 99}))
	assert.Assert(t, !a.IsSystem(account.Entry{Name: "x", UID: 100}))
	assert.NilError(t, m.Files().WriteAtomic("/etc/login.defs", []byte("# UID_MIN 5\nUID_MIN\t\t 1000\nUID_MIN 1\n"), 0o644))
	assert.Assert(t, a.IsSystem(account.Entry{Name: "x", UID: 999}))
	assert.Assert(t, !a.IsSystem(account.Entry{Name: "core", UID: 500}))
}

func TestASystemAccountIsNeverDeleted(t *testing.T) {
	t.Parallel()
	a, m := accounts(t, distro.Family{}, hosttest.Missing("getent"), hosttest.OK("userdel -f -r bob", ""))
	assert.ErrorIs(t, a.Delete(t.Context(), "daemon"), account.ErrSystem)
	assert.NilError(t, a.Delete(t.Context(), "nobody-here"))
	assert.NilError(t, a.Delete(t.Context(), "bob"))
	assert.Equal(t, strings.Count(strings.Join(m.Calls(), "\n"), "userdel"), 1)
	assert.Assert(t, m.Files().Exists("/var/run/utmp"))
}

func TestPasswordsTravelByStandardInput(t *testing.T) {
	t.Parallel()
	const word = "hunter2 is no secret"
	a, m := accounts(t, distro.Family{}, hosttest.OK("chpasswd -e", ""), hosttest.OK("chpasswd -c YESCRYPT", ""))
	assert.NilError(t, a.SetPassword(t.Context(), "bob", secret.New(word), account.Scheme{ID: "6", SaltLength: 10}))
	assert.NilError(t, a.SetPassword(t.Context(), "bob", secret.New(word), account.Scheme{ID: "y"}))
	commands := m.Commands()
	assert.Assert(t, strings.HasPrefix(string(commands[0].Stdin), "bob:$6$") && !strings.Contains(string(commands[0].Stdin), word))
	assert.Equal(t, string(commands[1].Stdin), "bob:"+word+"\n")
	for _, c := range commands {
		assert.Assert(t, !strings.Contains(strings.Join(c.Argv, " "), word))
	}
	assert.ErrorContains(t, a.SetPassword(t.Context(), "bob", secret.New("a\nroot:x"), account.Scheme{ID: "6"}), "line break")
}

// TestHashesAreThoseOfCrypt asks openssl, which has an implementation of its own.
func TestHashesAreThoseOfCrypt(t *testing.T) {
	t.Parallel()
	for id, salt := range map[string]int{"1": 8, "5": 10, "6": 10} {
		hash, err := account.Scheme{ID: id, SaltLength: 10}.Hash(secret.New("correct horse"))
		assert.NilError(t, err)
		parts := strings.Split(hash.Reveal(), "$")
		assert.Equal(t, len(parts), 4, hash.Reveal())
		assert.Equal(t, len(parts[2]), salt)
		m := host.New("/", slog.New(slog.DiscardHandler))
		if !m.Has("openssl") {
			t.Skip("no openssl here")
		}
		res, err := m.Run(t.Context(), machine.Command{Argv: []string{"openssl", "passwd", "-" + id, "-salt", parts[2], "-stdin"}, Stdin: []byte("correct horse\n")})
		assert.NilError(t, err)
		assert.Equal(t, strings.TrimSpace(string(res.Stdout)), hash.Reveal())
	}
	hash, err := account.Scheme{ID: "2a"}.Hash(secret.New("x"))
	assert.NilError(t, err)
	assert.Assert(t, strings.HasPrefix(hash.Reveal(), "$2a$"))
	_, err = account.Scheme{ID: "7"}.Hash(secret.New("x"))
	assert.ErrorContains(t, err, "unknown")
}

func TestSudoersHoldsOneRulePerUser(t *testing.T) {
	t.Parallel()
	files := host.Files{Root: t.TempDir()}
	assert.NilError(t, files.MkdirAll("/etc", 0o755))
	assert.NilError(t, files.WriteAtomic("/etc/sudoers", []byte("root ALL=(ALL:ALL) ALL\n"), 0o440))
	s := account.Sudoers{Files: files, Dir: "/etc/sudoers.d"}
	read := func() string {
		data, err := files.ReadFile("/etc/sudoers.d/waagent")
		assert.NilError(t, err)
		return string(data)
	}
	assert.NilError(t, s.Allow("bob", true))
	assert.NilError(t, s.Allow("bobby", false))
	assert.NilError(t, s.Allow("bob", true))
	assert.Equal(t, read(), "bob ALL=(ALL) ALL\nbobby ALL=(ALL) NOPASSWD: ALL\n")
	assert.NilError(t, s.Allow("bob", false))
	assert.Equal(t, read(), "bobby ALL=(ALL) NOPASSWD: ALL\nbob ALL=(ALL) NOPASSWD: ALL\n")
	assert.NilError(t, s.Forbid("bob"))
	assert.Equal(t, read(), "bobby ALL=(ALL) NOPASSWD: ALL\n")
	info, err := files.Stat("/etc/sudoers.d/waagent")
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o440))
	main, err := files.ReadFile("/etc/sudoers")
	assert.NilError(t, err)
	assert.Equal(t, string(main), "root ALL=(ALL:ALL) ALL\n\n#includedir /etc/sudoers.d\n")
	assert.ErrorContains(t, s.Allow("a b", true), "holds")
}

package host_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// TestMain makes this binary the parent of handler commands, as cmd/waagent is, and an agent that can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == host.HandlerCommandMode {
		os.Exit(host.HandlerCommandMain(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "mortal-agent" {
		os.Exit(mortalAgent(os.Args[2]))
	}
	os.Exit(m.Run())
}

// mortalAgent runs the command described by the JSON in arg and prints its exit code.
func mortalAgent(arg string) int {
	var c machine.HandlerCommand
	if err := json.Unmarshal([]byte(arg), &c); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("starting")
	end, err := host.New("/", nil).RunHandler(context.Background(), c)
	fmt.Println(end.ExitCode, err)
	return 0
}

func handlerCommand(t *testing.T, line string) machine.HandlerCommand {
	t.Helper()
	dir := t.TempDir()
	return machine.HandlerCommand{
		Line: line, Dir: dir, Timeout: time.Minute,
		Stdout: dir + "/stdout", Stderr: dir + "/stderr", Record: dir + "/record.json",
	}
}

func testMachine(t *testing.T) *host.Machine {
	return host.New("/", slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})))
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	assert.NilError(t, err)
	return string(data)
}

func TestHandlerCommandRunsInItsFolderWithItsEnvironmentAndRealFiles(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, `pwd; echo "$ConfigSequenceNumber"; echo oops >&2; exit 7`)
	c.Env = []string{"ConfigSequenceNumber=3"}
	end, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Equal(t, end.ExitCode, 7)
	assert.Assert(t, end.Took > 0)
	assert.Equal(t, content(t, c.Stdout), c.Dir+"\n3\n")
	assert.Equal(t, content(t, c.Stderr), "oops\n")
	info, err := os.Stat(c.Stdout)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
}

func TestTheAgentsOwnEnvironmentWins(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, `echo "$PATH"`)
	c.Env = []string{"PATH=/nowhere"}
	_, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Equal(t, content(t, c.Stdout), os.Getenv("PATH")+"\n")
}

func TestARecordedEndIsReturnedAndNothingIsRun(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "echo run >>runs; exit 4")
	for range 3 {
		end, err := testMachine(t).RunHandler(t.Context(), c)
		assert.NilError(t, err)
		assert.Equal(t, end.ExitCode, 4)
	}
	assert.Equal(t, content(t, c.Dir+"/runs"), "run\n")
}

func TestATimeoutKillsTheProcessGroupAndKeepsPartialOutput(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "echo begun; sleep 60 & sleep 60")
	c.Timeout = 200 * time.Millisecond
	end, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Assert(t, end.TimedOut)
	assert.Equal(t, end.ExitCode, -9)
	assert.Equal(t, content(t, c.Stdout), "begun\n")
}

func TestABackgroundChildIsNeitherAwaitedNorKilled(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "sleep 30 & echo $! >pid")
	began := time.Now()
	_, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Assert(t, time.Since(began) < 10*time.Second)
	var pid int
	_, err = fmt.Sscan(content(t, c.Dir+"/pid"), &pid)
	assert.NilError(t, err)
	assert.NilError(t, syscall.Kill(pid, 0))
	assert.NilError(t, syscall.Kill(pid, syscall.SIGKILL))
}

func TestAFolderThatVanishedIsAnErrorEachTimeItIsAsked(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "true")
	c.Dir = filepath.Join(c.Dir, "gone")
	for range 2 {
		_, err := testMachine(t).RunHandler(t.Context(), c)
		assert.ErrorContains(t, err, "no such file")
	}
}

func TestACancelledWaitLeavesTheCommandRunningForTheNextAgent(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "echo run >>runs; while [ ! -e go ]; do sleep 0.05; done; exit 5")
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		_, err := testMachine(t).RunHandler(ctx, c)
		stopped <- err
	}()
	await(t, c.Dir+"/runs")
	cancel()
	assert.ErrorIs(t, <-stopped, context.Canceled)
	assert.NilError(t, os.WriteFile(c.Dir+"/go", nil, 0o600))
	end, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Equal(t, end.ExitCode, 5)
	assert.Equal(t, content(t, c.Dir+"/runs"), "run\n")
}

func TestACommandSurvivesTheAgentsKillAndIsPickedUp(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "echo run >>runs; while [ ! -e go ]; do sleep 0.05; done; exit 6")
	arg, err := json.Marshal(c)
	assert.NilError(t, err)
	agent := exec.Command(os.Args[0], "mortal-agent", string(arg))
	out, err := agent.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, agent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	assert.NilError(t, err)
	assert.Equal(t, line, "starting\n")
	await(t, c.Dir+"/runs")
	assert.NilError(t, agent.Process.Kill())
	_ = agent.Wait()
	time.AfterFunc(100*time.Millisecond, func() { _ = os.WriteFile(c.Dir+"/go", nil, 0o600) })
	end, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Equal(t, end.ExitCode, 6)
	assert.Equal(t, content(t, c.Dir+"/runs"), "run\n")
}

func TestACommandCutOffByTheMachinesDeathRunsAgain(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "echo run >>runs")
	start := `{"version":1,"start":{"pid":1,"ticks":1,"boot":"another boot"}}`
	assert.NilError(t, os.WriteFile(c.Record, []byte(start), 0o600))
	end, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Equal(t, end.ExitCode, 0)
	assert.Equal(t, content(t, c.Dir+"/runs"), "run\n")
}

// TestAFailureWhileTheMachineWentDownCountsForNothing finds what a parent records when a shutdown ends its command.
func TestAFailureWhileTheMachineWentDownCountsForNothing(t *testing.T) {
	t.Parallel()
	for _, boot := range []struct {
		name, id  string
		exit, end int
		ran       string
	}{
		{"failed in an earlier boot", "another boot", -15, 0, "run\n"},
		{"failed in this boot", testMachine(t).BootID(), -15, -15, ""},
		{"succeeded in an earlier boot", "another boot", 0, 0, ""},
	} {
		t.Run(boot.name, func(t *testing.T) {
			t.Parallel()
			c := handlerCommand(t, "echo run >>runs")
			assert.NilError(t, os.WriteFile(c.Dir+"/runs", nil, 0o600))
			line := fmt.Sprintf(`{"version":1,"start":{"pid":1,"ticks":1,"boot":%q},"end":{"exitCode":%d}}`, boot.id, boot.exit)
			assert.NilError(t, os.WriteFile(c.Record, []byte(line+"\n"), 0o600))
			end, err := testMachine(t).RunHandler(t.Context(), c)
			assert.NilError(t, err)
			assert.Equal(t, end.ExitCode, boot.end)
			assert.Equal(t, content(t, c.Dir+"/runs"), boot.ran)
		})
	}
}

func TestACommandThatLostItsParentIsWaitedForBeforeItRunsAgain(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "echo again >>runs")
	old := exec.Command("/bin/sh", "-c", "sleep 0.5; echo first >>runs")
	old.Dir = c.Dir
	assert.NilError(t, old.Start())
	go func() { _ = old.Wait() }()
	stat := strings.Fields(content(t, fmt.Sprintf("/proc/%d/stat", old.Process.Pid)))
	start := fmt.Sprintf(`{"version":1,"start":{"pid":%d,"ticks":%s,"boot":%q}}`,
		old.Process.Pid, stat[21], testMachine(t).BootID())
	assert.NilError(t, os.WriteFile(c.Record, []byte(start), 0o600))
	_, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Equal(t, content(t, c.Dir+"/runs"), "first\nagain\n")
}

func TestAnUnreadableRecordIsSetAsideAndTheCommandRuns(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "exit 2")
	assert.NilError(t, os.WriteFile(c.Record, []byte("{"), 0o600))
	end, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Equal(t, end.ExitCode, 2)
	assert.Equal(t, content(t, c.Record+".bad"), "{")
}

func TestAnEndThatWasCutShortOnDiskCountsForNothing(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "echo run >>runs; exit 3")
	torn := `{"version":1,"start":{"pid":1,"ticks":1,"boot":"another boot"}}` + "\n" + `{"version":1,"end":{"exitCo`
	assert.NilError(t, os.WriteFile(c.Record, []byte(torn), 0o600))
	for range 2 {
		end, err := testMachine(t).RunHandler(t.Context(), c)
		assert.NilError(t, err)
		assert.Equal(t, end.ExitCode, 3)
	}
	assert.Equal(t, content(t, c.Dir+"/runs"), "run\n")
}

func TestTheCommandLineOfTheParentNamesNothingOfTheHandler(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "tr '\\0' ' ' </proc/$PPID/cmdline")
	_, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	got := content(t, c.Stdout)
	assert.Assert(t, strings.HasSuffix(got, " "+host.HandlerCommandMode+" "), got)
}

// await returns once there is a file at path.
func await(t *testing.T, path string) {
	t.Helper()
	until(t, 10*time.Second, path+" is there", func() bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// until returns once what is so; that it is not by then fails the test.
func until(t *testing.T, limit time.Duration, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); time.Now().Before(end); <-tick.C {
		if so() {
			return
		}
	}
	t.Fatalf("not within %s: %s", limit, what)
}

// parentOf runs a command and returns who its parent was.
func parentOf(t *testing.T, m *host.Machine) (pid int) {
	t.Helper()
	c := handlerCommand(t, `echo $PPID`)
	_, err := m.RunHandler(t.Context(), c)
	assert.NilError(t, err)
	_, err = fmt.Sscan(content(t, c.Stdout), &pid)
	assert.NilError(t, err)
	return pid
}

func TestCommandsInARowShareAParentAndNoSession(t *testing.T) {
	t.Parallel()
	m := testMachine(t)
	var seen [][]string
	for range 2 {
		c := handlerCommand(t, `echo $PPID; cut -d ' ' -f 6 /proc/$$/stat; echo $$; cut -d ' ' -f 6 /proc/$PPID/stat`)
		_, err := m.RunHandler(t.Context(), c)
		assert.NilError(t, err)
		seen = append(seen, strings.Fields(content(t, c.Stdout)))
	}
	assert.Equal(t, seen[0][0], seen[1][0])
	for _, s := range seen {
		assert.Equal(t, s[1], s[2], "the shell leads its session")
		assert.Equal(t, s[3], s[0], "and its parent one that the agent is not in")
	}
}

func TestAParentThatIsGoneIsReplaced(t *testing.T) {
	t.Parallel()
	m := testMachine(t)
	assert.NilError(t, syscall.Kill(parentOf(t, m), syscall.SIGKILL))
	next := handlerCommand(t, "echo run >>runs; exit 3")
	end, err := m.RunHandler(t.Context(), next)
	assert.NilError(t, err)
	assert.Equal(t, end.ExitCode, 3)
	assert.Equal(t, content(t, next.Dir+"/runs"), "run\n")
}

func TestAParentKilledWithItsCommandCutsItOff(t *testing.T) {
	t.Parallel()
	c := handlerCommand(t, "echo run >>runs; kill -9 $PPID; sleep 0.1")
	end, err := testMachine(t).RunHandler(t.Context(), c)
	assert.NilError(t, err)
	assert.Equal(t, end.ExitCode, -9)
	assert.Equal(t, content(t, c.Dir+"/runs"), "run\n")
}

func TestAParentWithoutWorkGoesAway(t *testing.T) {
	t.Parallel()
	pid := parentOf(t, testMachine(t))
	assert.NilError(t, syscall.Kill(pid, 0))
	until(t, time.Minute, "it is gone", func() bool { return syscall.Kill(pid, 0) != nil })
}

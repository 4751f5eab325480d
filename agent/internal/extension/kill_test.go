package extension_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/extension"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/host"
)

var (
	kills = flag.Int("kills", 20, "how often the agent is killed")
	seed  = flag.Uint64("kill-seed", 0, "seed of the moments; 0 chooses one")
)

// mortalAgent processes the goal state of the kill test in root and prints "done".
func mortalAgent(root string) int {
	s := &shop{}
	data, err := os.ReadFile(filepath.Join(root, "shop.json"))
	if err != nil || json.Unmarshal(data, &s.packages) != nil {
		fmt.Println(err)
		return 1
	}
	s.versions = map[string][]string{}
	for key := range s.packages {
		parts := strings.Split(key, "/")
		s.versions[parts[0]] = append(s.versions[parts[0]], parts[1])
	}
	e := extension.New(extension.Options{
		Files: host.Files{Root: root}, Machine: host.New("/", nil), Downloader: s, LibDir: "/var/lib/waagent",
		LogDir: "/var/log/azure",
	})
	if r := e.Process(context.Background(), killedGoalState()); r.Err != nil {
		fmt.Println(r.Err)
		return 1
	}
	fmt.Println("done")
	return 0
}

// killedGoalState updates one handler, removes one, installs two, and enables one that is there.
func killedGoalState() goalstate.Wanted {
	return goalstate.Wanted{ID: "incarnation_2", Handlers: []goalstate.Handler{
		uninstall(named(wants("1.0", 1), "Gone")), named(wants("1.1", 2), "Moved"), named(wants("1.0", 2), "New"),
		named(wants("1.0", 2), "Newer"), named(wants("1.0", 2), "Stays"),
	}}
}

// onceShim writes down the beginning and the end of each command, so that two at once, or one that is run twice, show.
const onceShim = `#!/bin/sh
cd "$(dirname "$0")/.." || exit 99
log=$(dirname "$PWD")/calls
here=$(basename "$PWD")
echo "begin $1 $here" >>"$log"
sleep 0.0$(($$ % 9))
[ "$1" = enable ] && echo '[{"status": {"status": "success"}}]' >"status/$ConfigSequenceNumber.status"
echo "end $1 $here" >>"$log"
`

func TestKilledAgentLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	t.Logf("seed %d", start)
	r := rand.New(rand.NewPCG(start, 0))
	done := 0
	for done < *kills {
		done += killedRun(t, r, *kills-done)
		if t.Failed() {
			return
		}
	}
}

// killedRun plays the goal state once, killing the agent at random moments until it gets through or had its share, and
// returns the number of kills.
func killedRun(t *testing.T, r *rand.Rand, most int) int {
	w := killWorld(t)
	kills, starts := 0, 1
	for ; ; starts++ {
		agent := exec.Command(os.Args[0], "mortal-agent", w.root)
		out, err := agent.StdoutPipe()
		assert.NilError(t, err)
		assert.NilError(t, agent.Start())
		timer := time.NewTimer(time.Hour)
		if kills < min(most, 12) {
			timer.Reset(time.Duration(r.IntN(900)) * time.Millisecond)
		}
		line := make(chan string, 1)
		go func() {
			text, _ := bufio.NewReader(out).ReadString('\n')
			line <- text
		}()
		var said string
		select {
		case said = <-line:
		case <-timer.C:
			assert.NilError(t, agent.Process.Kill())
			kills++
			said = <-line
		}
		_ = agent.Wait()
		if said == "done\n" {
			break
		}
		assert.Equal(t, said, "", "the agent stumbled")
	}
	w.checkKilled(starts)
	return max(kills, 1)
}

// killWorld is a machine with three handlers, and packages for five.
func killWorld(t *testing.T) *world {
	w := newQuietWorld(t)
	for _, v := range []string{"Gone/1.0", "Moved/1.0", "Moved/1.1", "New/1.0", "Newer/1.0", "Stays/1.0"} {
		name, version, _ := strings.Cut(v, "/")
		w.shop.sell(name, version, pack{"bin/shim": onceShim})
	}
	data, err := json.Marshal(w.shop.packages)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(w.root+"/shop.json", data, 0o600))
	w.process(named(wants("1.0", 1), "Gone"), named(wants("1.0", 1), "Moved"), named(wants("1.0", 1), "Stays"))
	w.calls()
	return w
}

// checkKilled looks at what the commands did, however often the agent was started.
func (w *world) checkKilled(starts int) {
	w.t.Helper()
	calls := w.calls()
	count := map[string]int{}
	running := map[string]bool{}
	for _, c := range calls {
		word, what, _ := strings.Cut(c, " ")
		if word == "begin" {
			assert.Assert(w.t, !running[what], "%s runs twice at once: %q", what, calls)
			count[what]++
		}
		running[what] = word == "begin"
	}
	for _, once := range []string{
		"disable Gone-1.0", "uninstall Gone-1.0", "disable Moved-1.0", "update Moved-1.1", "uninstall Moved-1.0",
		"install Moved-1.1", "install New-1.0", "install Newer-1.0",
	} {
		assert.Equal(w.t, count[once], 1, "%s after %d starts: %q", once, starts, calls)
		delete(count, once)
	}
	for _, each := range []string{"enable Moved-1.1", "enable New-1.0", "enable Newer-1.0", "enable Stays-1.0"} {
		assert.Assert(w.t, count[each] >= 1 && count[each] <= starts, "%s %d times in %d starts", each, count[each], starts)
		delete(count, each)
	}
	assert.Equal(w.t, len(count), 0, "%v", count)
	w.checkFolders()
}

func (w *world) checkFolders() {
	w.t.Helper()
	var got []string
	entries, err := os.ReadDir(w.lib(""))
	assert.NilError(w.t, err)
	for _, e := range entries {
		if strings.Contains(e.Name(), "-") {
			got = append(got, e.Name()+" "+w.read(e.Name()+"/config/HandlerState"))
		}
	}
	slices.Sort(got)
	assert.DeepEqual(w.t, got, []string{"Moved-1.1 Enabled", "New-1.0 Enabled", "Newer-1.0 Enabled", "Stays-1.0 Enabled"})
	left, err := os.ReadDir(w.lib("state/commands"))
	assert.NilError(w.t, err)
	assert.Equal(w.t, len(left), 0, "%v", left)
}

//go:build flows

package scenarios

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// A flow is a story of hours between agent and fabric, told in a moment: both live in one bubble of fake time. What
// handlers run is real. Flows are a part of `make e2e`, by the build tag: under the race detector they would take minutes.
type flow struct {
	*world
	t   *testing.T
	ctx context.Context
}

// tell boots a loopback guest with the extensions of a first goal state and lets story go on from there.
func tell(t *testing.T, first goal.State, story func(f *flow)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := begin(t, openLoopback, "{Extensions.GoalStatePeriod: \"6\"}", first)
		story(f)
		assert.NilError(t, f.judge(f.ctx))
	})
}

// want gives the VM a goal state.
func (f *flow) want(s goal.State) {
	f.t.Helper()
	_, err := f.fabric.SetGoalState(f.ctx, f.id, s)
	assert.NilError(f.t, err)
}

// sample is a goal state of the sample extension with settings number seq.
func (f *flow) sample(seq int) goal.State {
	f.t.Helper()
	return sampleState(f.t, seq)
}

func sampleState(t *testing.T, seq int) goal.State {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, giveSample(dir))
	s, err := goal.Parse(fmt.Appendf(nil, "extensions:\n  - {name: Contoso.Sample, package: sample, settings: {seq: %d, public: {record: ../ran}}}\n", seq), os.DirFS(dir), ".")
	assert.NilError(t, err)
	return s
}

// soon waits for a condition of `until`.
func (f *flow) soon(limit time.Duration, words ...string) {
	f.t.Helper()
	c, err := f.condition(words)
	assert.NilError(f.t, err)
	if err := f.until(f.ctx, limit, strings.Join(words, " "), c); err != nil {
		log, _ := f.agentLog(f.ctx)
		f.t.Fatalf("%v\n%s", err, log)
	}
}

// announce says what the agent may log.
func (f *flow) announce(level, pattern string) {
	f.announced = append(f.announced, announced{level: level, pattern: regexp.MustCompile(pattern)})
}

func (f *flow) spoil(steps ...fault.Step) {
	f.t.Helper()
	assert.NilError(f.t, f.fabric.AddFaults(f.ctx, steps...))
}

// cut makes surfaces answer nobody for a while.
func (f *flow) cut(d time.Duration, surfaces ...string) {
	f.t.Helper()
	for _, s := range surfaces {
		assert.NilError(f.t, f.fabric.CutOff(f.ctx, s, true))
	}
	time.Sleep(d)
	for _, s := range surfaces {
		assert.NilError(f.t, f.fabric.CutOff(f.ctx, s, false))
	}
}

func (f *flow) vm() control.VM {
	f.t.Helper()
	vm, err := f.fabric.VM(f.ctx, f.id)
	assert.NilError(f.t, err)
	return vm
}

// ran is what the sample extension wrote down of its commands.
func (f *flow) ran(want string) {
	f.t.Helper()
	got, err := f.machine.ReadFile(f.ctx, "/var/lib/waagent/ran")
	assert.NilError(f.t, err)
	assert.Equal(f.t, string(got), want)
}

// requests counts those of a route from one moment on.
func (f *flow) requests(route string, since time.Time) int {
	f.t.Helper()
	entries, err := f.entries(f.ctx)
	assert.NilError(f.t, err)
	n := 0
	for _, e := range entries {
		if e.Route == route && e.Time.After(since) {
			n++
		}
	}
	return n
}

const both = "install 1.0.0 1\nenable 1.0.0 1\nenable 1.0.0 2\n"

func TestAHostThatIsDownForHoursLosesNothing(t *testing.T) {
	t.Parallel()
	tell(t, sampleState(t, 1), func(f *flow) {
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
		f.announce("WARNING", "Cannot fetch vmSettings, going on with the Fabric goal state")
		assert.NilError(f.t, f.fabric.CutOff(f.ctx, "hostga", true))
		time.Sleep(3 * time.Hour)
		f.want(f.sample(2))
		f.soon(3*time.Minute, "goal-state")
		assert.Equal(f.t, f.vm().Status.Via, "direct")
		assert.NilError(f.t, f.fabric.CutOff(f.ctx, "hostga", false))
		f.soon(2*time.Minute, "log", "vmSettings can be fetched again")
		f.soon(2*time.Minute, "status")
		assert.Equal(f.t, f.vm().Status.Via, "host")
		f.ran(both)
	})
}

func TestHostAndStorageThatAreAwayAreFoundAgain(t *testing.T) {
	t.Parallel()
	tell(t, sampleState(t, 1), func(f *flow) {
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
		f.announce("WARNING", "Cannot (fetch vmSettings|report the status)")
		f.announce("ERROR", "Contoso.Sample.*fetch the manifest")
		f.want(f.sample(2))
		f.cut(20*time.Minute, "hostga", "blobs")
		f.soon(3*time.Minute, "handler", "Contoso.Sample", "NotReady") // its download was given up meanwhile, and is said
		f.want(f.sample(3))
		f.soon(3*time.Minute, "goal-state")
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
		f.ran("install 1.0.0 1\nenable 1.0.0 1\nenable 1.0.0 3\n")
	})
}

func TestAFabricThatThrottlesForLongIsGivenUpOnceAndThenObeyed(t *testing.T) {
	t.Parallel()
	for _, code := range []int{403, 429, 503} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			tell(t, sampleState(t, 1), func(f *flow) {
				f.soon(time.Minute, "extension", "Contoso.Sample", "success")
				f.announce("WARNING", fmt.Sprintf("Cannot fetch the goal state error=.*gave up after 25 attempts.*%d", code))
				start := time.Now()
				f.spoil(fault.Step{Route: "goalstate", Status: code, Count: 40})
				f.want(f.sample(2))
				f.soon(2*time.Minute, "goal-state")
				f.ran(both)
				took := time.Since(start)
				assert.Assert(f.t, took > 38*time.Second && took < time.Minute, took)
			})
		})
	}
}

func TestAFabricInTroubleIsGivenUpOnceAndThenObeyed(t *testing.T) {
	t.Parallel()
	tell(t, sampleState(t, 1), func(f *flow) {
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
		f.announce("WARNING", "Cannot fetch the goal state error=.*gave up after 6 attempts")
		f.spoil(fault.Step{Route: "goalstate", Status: 500, Count: 20})
		f.want(f.sample(2))
		f.soon(5*time.Minute, "goal-state")
		f.ran(both)
	})
}

func TestAHostWithoutFastTrackIsAskedAgainAfterSixHours(t *testing.T) {
	t.Parallel()
	tell(t, sampleState(t, 1), func(f *flow) {
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
		offer := func(no bool) {
			_, err := f.fabric.UpdateVM(f.ctx, f.id, map[string]any{"no_fast_track": no})
			assert.NilError(f.t, err)
		}
		offer(true)
		f.soon(time.Minute, "log", "Fast Track is not supported by the host")
		without := time.Now()
		offer(false)
		time.Sleep(5*time.Hour + 55*time.Minute)
		assert.Equal(f.t, f.requests("vmSettings", without), 0)
		s := f.sample(2)
		s.Channel = goal.FastTrack
		f.want(s)
		f.soon(10*time.Minute, "goal-state")
		f.ran(both)
	})
}

func TestAnAddressForTheStatusThatHasExpiredIsSaidOnce(t *testing.T) {
	t.Parallel()
	first := sampleState(t, 1)
	first.StatusExpires = time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC) // the bubble's time starts at midnight
	tell(t, first, func(f *flow) {
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
		f.announce("WARNING", "Cannot report the status error=")
		time.Sleep(2 * time.Hour)
		before := f.vm().StatusCount
		time.Sleep(time.Hour)
		assert.Equal(f.t, f.vm().StatusCount, before)
		f.clientErrorsOK = true // the signature was good for an hour
		f.want(f.sample(2))
		f.soon(3*time.Minute, "goal-state")
		f.ran(both)
	})
}

func TestAJustInTimeUserGoesWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	first := sampleState(t, 1)
	first.Users = []goal.User{
		{Name: "jit1", Password: "Secret-one-1", Expires: time.Date(2000, 1, 1, 2, 0, 0, 0, time.UTC)},
		{Name: "jit2", Password: "Secret-two-2", Expires: time.Date(2000, 1, 1, 8, 0, 0, 0, time.UTC)},
	}
	tell(t, first, func(f *flow) {
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
		users := func() string {
			passwd, err := f.machine.ReadFile(f.ctx, "/etc/passwd")
			assert.NilError(f.t, err)
			return strings.Join(regexp.MustCompile(`jit\d`).FindAllString(regexp.MustCompile(`(?m):.*`).ReplaceAllString(string(passwd), ""), -1), " ")
		}
		f.soon(time.Minute, "status")
		time.Sleep(time.Until(time.Date(2000, 1, 1, 1, 59, 50, 0, time.UTC)))
		assert.Equal(f.t, users(), "jit1 jit2")
		time.Sleep(30 * time.Second)
		assert.Equal(f.t, users(), "jit2")
		time.Sleep(7 * time.Hour)
		assert.Equal(f.t, users(), "")
	})
}

func TestReadyArrivesSoonAfterAnHourOfRefusals(t *testing.T) {
	t.Parallel()
	tell(t, sampleState(t, 1), func(f *flow) {
		f.announce("WARNING", "The fabric cannot be reached, trying again error=.*health: HTTP 500")
		f.spoil(fault.Step{Route: "health", Status: 500, Count: 600})
		time.Sleep(time.Hour)
		assert.NilError(f.t, f.fabric.ClearFaults(f.ctx))
		f.soon(8*time.Second, "ready")
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
	})
}

func TestCertificatesThatCannotBeHadAreAskedForWithGrowingPauses(t *testing.T) {
	t.Parallel()
	tell(t, sampleState(t, 1), func(f *flow) {
		f.announce("ERROR", "Cannot fetch the goal state's certificates")
		f.spoil(fault.Step{Route: "certificates", Status: 404, Count: -1})
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
		start := time.Now()
		time.Sleep(time.Hour)
		n := f.requests("certificates", start)
		assert.Assert(f.t, n >= 14 && n <= 22, "%d requests", n) // pairs, in the end one each ten minutes
		// Hour by hour: the journal holds two.
		for range 2 {
			hour := time.Now()
			time.Sleep(time.Hour)
			n := f.requests("certificates", hour)
			assert.Assert(f.t, n >= 10 && n <= 14, "%d requests in a later hour", n)
		}
		assert.NilError(f.t, f.fabric.ClearFaults(f.ctx))
		f.soon(11*time.Minute, "log", "Unpacked the goal state's certificates")
	})
}

func TestThePlatformHearsWhichOfItsServicesAreIll(t *testing.T) {
	t.Parallel()
	tell(t, sampleState(t, 1), func(f *flow) {
		f.soon(time.Minute, "extension", "Contoso.Sample", "success")
		f.spoil(fault.Step{Route: "hostga.health", Status: 404, Count: -1}, fault.Step{Route: "imds.instance", Status: 500, Count: -1})
		healthy := func(want bool) {
			f.t.Helper()
			said := map[string]bool{}
			for _, o := range f.vm().Observations {
				said[o.Name] = o.IsHealthy
			}
			for _, name := range []string{"GuestAgentPluginHeartbeat", "InstanceMetadataHeartbeat"} {
				got, ok := said[name]
				assert.Check(f.t, ok && got == want, "%s: %v; there are %v", name, got, said)
			}
		}
		time.Sleep(2 * time.Minute)
		healthy(true) // not yet for long enough
		time.Sleep(18 * time.Minute)
		healthy(false)
		assert.NilError(f.t, f.fabric.ClearFaults(f.ctx))
		time.Sleep(5 * time.Minute)
		healthy(true)
		events, err := f.fabric.Events(f.ctx, f.id, 1)
		assert.NilError(f.t, err)
		told := map[string]bool{}
		for _, e := range events {
			told[e.Params["Operation"]] = true
		}
		for _, want := range []string{"HeartBeat", "HostPluginHeartbeatExtended", "ImdsHeartbeat"} {
			assert.Check(f.t, told[want], "%s; there are %v", want, told)
		}
	})
}

// script is a handler that writes down its commands and says success, in as few processes as possible.
const script = `#!/bin/sh
echo "$1 $ConfigSequenceNumber" >>ran
[ "$1" != enable ] || echo '[{"version": 1.0, "timestampUTC": "2030-01-01T00:00:00Z", "status": {"name": "s", "operation": "Enable", "status": "success", "code": 0}}]' >"status/$ConfigSequenceNumber.status"
`

const scriptManifest = `[{"handlerManifest": {"installCommand": "run install", "enableCommand": "run enable", "updateCommand": "run update",
"disableCommand": "run disable", "uninstallCommand": "run uninstall"}}]`

const extensionsByTurns = 20

// byTurns is the goal state of a number: odd ones come by Fast Track.
func byTurns(seq int) goal.State {
	s := goal.State{Channel: []goal.Channel{goal.Fabric, goal.FastTrack}[seq%2]}
	for i := range extensionsByTurns {
		e := goal.Extension{Name: fmt.Sprintf("Contoso.E%02d", i), Settings: &goal.Settings{Seq: seq}}
		if seq == 0 {
			e.Files = map[string][]byte{"HandlerManifest.json": []byte(scriptManifest), "run": []byte(script)}
		}
		s.Extensions = append(s.Extensions, e)
	}
	return s
}

// Every enabled extension is enabled once for each goal state and installed once in all, whichever way goal states
// come, and the agent does not grow. A run with a LIMIT makes do with a fifth of the goal states.
func TestTwoHundredGoalStatesByTurns(t *testing.T) {
	turns := 200
	if os.Getenv("LIMIT") != "" {
		turns /= 5
	}
	tell(t, byTurns(0), func(f *flow) {
		f.soon(5*time.Minute, "goal-state")
		began, early := time.Now(), uint64(0)
		for seq := 1; seq < turns; seq++ {
			f.want(byTurns(seq))
			f.soon(5*time.Minute, "goal-state")
			if seq == turns/4 {
				early = liveHeap()
			}
		}
		late := liveHeap()
		f.t.Logf("%d goal states of %d extensions: live heap %d KiB after %d, %d KiB after all (with the fabric's own); %s of fake time",
			turns, extensionsByTurns, early>>10, turns/4, late>>10, time.Since(began))
		var want strings.Builder
		want.WriteString("install 0\n")
		for seq := range turns {
			fmt.Fprintf(&want, "enable %d\n", seq)
		}
		for i := range extensionsByTurns {
			got, err := f.machine.ReadFile(f.ctx, fmt.Sprintf("/var/lib/waagent/Contoso.E%02d-1.0.0/ran", i))
			assert.NilError(f.t, err)
			assert.Equal(f.t, string(got), want.String())
		}
		assert.Assert(f.t, late < early+early/2+8<<20, "the heap grew from %d to %d", early, late)
	})
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

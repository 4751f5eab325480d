//go:build flows

package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/scenarios/machine"
	"github.com/waagent-go/waagent/scenarios/machine/loopback"
)

// ownAgentMode is the first argument that makes this test binary the process of a lone agent.
const ownAgentMode = "own-agent"

func init() {
	if len(os.Args) == 3 && os.Args[1] == ownAgentMode {
		os.Exit(ownAgent(os.Args[2]))
	}
}

// ownAgent is an agent, its daemon and its goal-state process in one, on a folder, until it is asked to stop. The
// fabric's addresses are sockets in another process.
func ownAgent(specFile string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var s loopback.Spec
	data, err := os.ReadFile(specFile)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s.Dial = func(ctx context.Context, _, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(host, fabricsim.BlobDomain) || host == fabricsim.BlobIP {
			host = "blobs"
		}
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(filepath.Dir(specFile), host+":"+port))
	}
	g, err := loopback.Boot(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGUSR1)
	for {
		select {
		case <-ask:
			if err := weigh(filepath.Join(filepath.Dir(specFile), heldFile)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		case <-ctx.Done():
			_ = g.Close(context.Background())
			return 0
		}
	}
}

// heldFile is where a lone agent that is sent SIGUSR1 leaves word of what it holds on to.
const heldFile = "held.json"

// held is what is left of a process once its garbage is collected.
type held struct {
	Heap, Objects uint64 // bytes that are in use, and in how many pieces
	Goroutines    int
}

// weigh collects this process's garbage and writes down what is left.
func weigh(name string) error {
	for range 2 { // what a pool keeps over one collection goes with the next
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	data, err := json.Marshal(held{Heap: m.HeapAlloc, Objects: m.HeapObjects, Goroutines: runtime.NumGoroutine()})
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".tmp", data, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

// apart is the loopback site with its one agent in a process of its own.
type apart struct {
	*loopbackSite
	agent *ownProcess
}

func (a *apart) Boot(_ context.Context, g Guest) (machine.Machine, error) {
	dir, err := os.MkdirTemp("", "agent") // socket names are short
	if err != nil {
		return nil, err
	}
	for addr, conns := range a.hosts {
		l, err := net.Listen("unix", filepath.Join(dir, addr))
		if err != nil {
			return nil, err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				conns <- guestConn{Conn: c, guest: g.Name}
			}
		}()
		a.stop = append(a.stop, l.Close)
	}
	spec, err := json.Marshal(map[string]any{"Root": filepath.Join(dir, "root"), "Mute": true, "DVD": g.DVD, "UUID": g.UUID, "CA": g.CA, "Conf": g.Conf})
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(name, spec, 0o600); err != nil {
		return nil, err
	}
	p := &ownProcess{dir: dir, cmd: exec.Command(os.Args[0], ownAgentMode, name)}
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that times out cleans nothing up
	// What the agent asks of the runtime on a machine, see agent/memory.go; here the program holds more than the agent.
	p.cmd.Env = append(os.Environ(), "GOGC=30", "GOMEMLIMIT=64MiB")
	a.agent = p
	return p, p.cmd.Start()
}

type ownProcess struct {
	dir string
	cmd *exec.Cmd
}

func (p *ownProcess) Exec(context.Context, machine.Command) (machine.Result, error) {
	return machine.Result{}, machine.ErrUnsupported
}

func (p *ownProcess) ReadFile(_ context.Context, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(p.dir, "root", name))
}

func (p *ownProcess) WriteFile(context.Context, string, []byte, fs.FileMode) error {
	return machine.ErrUnsupported
}

func (p *ownProcess) Dial(context.Context, int) (net.Conn, error) {
	return nil, machine.ErrUnsupported
}
func (p *ownProcess) Reboot(context.Context) error { return machine.ErrUnsupported }
func (p *ownProcess) Console() []byte              { return nil }

func (p *ownProcess) Close(context.Context) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
	return os.RemoveAll(p.dir)
}

// resident is the memory that the process holds, in KiB.
func (p *ownProcess) resident(t *testing.T) (kib int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	assert.NilError(t, err)
	_, rest, found := strings.Cut(string(status), "VmRSS:")
	assert.Assert(t, found, "%s", status)
	_, err = fmt.Sscan(rest, &kib)
	assert.NilError(t, err)
	return kib
}

// holds is the least that the process says it holds on to, of three times asked: it is at work meanwhile.
func (p *ownProcess) holds(t *testing.T) held {
	t.Helper()
	least := p.ask(t)
	for range 2 {
		time.Sleep(300 * time.Millisecond)
		h := p.ask(t)
		least = held{min(least.Heap, h.Heap), min(least.Objects, h.Objects), min(least.Goroutines, h.Goroutines)}
	}
	return least
}

// ask has the process collect its garbage and say what is left.
func (p *ownProcess) ask(t *testing.T) (h held) {
	t.Helper()
	name := filepath.Join(p.dir, heldFile)
	assert.NilError(t, p.cmd.Process.Signal(syscall.SIGUSR1))
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		data, err := os.ReadFile(name)
		if err == nil {
			assert.NilError(t, json.Unmarshal(data, &h))
			assert.NilError(t, os.Remove(name))
			return h
		}
		assert.Assert(t, time.Now().Before(end), "the agent does not say what it holds: %v", err)
	}
}

// An agent alone in its process, in real time, does not grow with the goal states it has seen. What it holds on to once
// its garbage is collected tells that sharply; how much of the machine's memory it has also depends on when the runtime
// last collected, on pages of the program that happen to be in, and on the machine's load. A run with a LIMIT makes do
// with a fifth of the goal states.
func TestTheAgentsMemoryStaysFlat(t *testing.T) {
	turns := 200
	if os.Getenv("LIMIT") != "" {
		turns /= 5
	}
	var site *apart
	open := func(ctx context.Context, s Surroundings) (Site, error) {
		l, err := openLoopback(ctx, s)
		if err != nil {
			return nil, err
		}
		site = &apart{loopbackSite: l.(*loopbackSite)}
		return site, nil
	}
	f := begin(t, open, "{Extensions.GoalStatePeriod: \"1\"}", byTurns(0))
	var resident []int
	var holds []held
	for seq := range turns {
		if seq > 0 {
			f.want(byTurns(seq))
		}
		f.soon(10*time.Minute, "goal-state") // a second on a quiet machine, two minutes on one that starves
		if (seq+1)%(turns/4) == 0 {
			resident, holds = append(resident, site.agent.resident(t)), append(holds, site.agent.holds(t))
			t.Logf("%d goal states: %d KiB resident, %+v held", seq+1, resident[len(resident)-1], holds[len(holds)-1])
		}
	}
	for i := range extensionsByTurns {
		got, err := f.machine.ReadFile(f.ctx, fmt.Sprintf("/var/lib/waagent/Contoso.E%02d-1.0.0/ran", i))
		assert.NilError(t, err)
		assert.Equal(t, strings.Count(string(got), "enable "), turns)
	}
	first, last := holds[0], holds[len(holds)-1]
	assert.Assert(t, last.Heap < first.Heap+first.Heap/10, "from %d to %d bytes", first.Heap, last.Heap)
	assert.Assert(t, last.Objects < first.Objects+first.Objects/10, "from %d to %d objects", first.Objects, last.Objects)
	assert.Assert(t, last.Goroutines < first.Goroutines+5, "from %d to %d goroutines", first.Goroutines, last.Goroutines)
	young, old := resident[0], resident[len(resident)-1]
	most := young + young/4
	if turns < 200 { // the first figure is of an agent that has hardly begun
		most = young + young/2
	}
	assert.Assert(t, old < most, "from %d to %d KiB", young, old)
	assert.NilError(t, f.judge(f.ctx))
}

// begin boots a loopback guest of a site with the extensions of a first goal state.
func begin(t *testing.T, open func(context.Context, Surroundings) (Site, error), conf string, first goal.State) *flow {
	t.Helper()
	f := &flow{t: t, ctx: t.Context()}
	work := t.TempDir()
	assert.NilError(t, giveSample(work))
	files := map[string]string{
		"provision.yaml": "hostname: web01\nuser: azureuser\nssh_key: generated\n",
		"vm.yaml":        "waagent_conf: " + conf + "\n",
	}
	for name, text := range files {
		assert.NilError(t, os.WriteFile(filepath.Join(work, name), []byte(text), 0o600))
	}
	var err error
	f.world, err = newWorld(nil, Pair{Driver: "loopback"}, Surroundings{
		Dir: t.TempDir(), Timeline: NewTimeline(io.Discard), Log: slog.New(slog.DiscardHandler),
	}, open, work)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, f.close(context.Background())) })
	assert.NilError(t, f.describe("vm.yaml"))
	assert.NilError(t, f.introduce(f.ctx))
	f.want(first)
	assert.NilError(t, f.bootDescribed(f.ctx))
	return f
}

package agent

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/telemetry"
)

// recorder takes this process's events; the goal-state process sends them.
func (p *program) recorder() *telemetry.Recorder {
	return &telemetry.Recorder{Files: p.files, Dir: p.conf.LibDir, Common: p.common(), Task: p.thread(), Log: p.log}
}

// common is what every event says about this VM.
func (p *program) common() *telemetry.Common {
	kernel, _ := p.files.ReadFile("/proc/sys/kernel/osrelease")
	return &telemetry.Common{
		Version:    p.version,
		OSVersion:  fmt.Sprintf("Linux:%s-%s-%s:%s", p.distro.ID, p.distro.Version, p.distro.CodeName, strings.TrimSpace(string(kernel))),
		RAM:        p.memory(),
		Processors: runtime.NumCPU(),
		CPU:        unameMachine(),
	}
}

// memory is the machine's, in MB; 0 where nothing says.
func (p *program) memory() int64 {
	text, err := p.files.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "MemTotal:" {
			kb, _ := strconv.ParseInt(words[1], 10, 64)
			return kb / 1024
		}
	}
	return 0
}

// unameMachine spells the architecture as uname does.
func unameMachine() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}

// learn tells the recorder what only the fabric knows, and answers whether this is a confidential VM. The fabric is asked
// once, and without an answer events say so.
func (p *program) learn(ctx context.Context, l *link, r *telemetry.Recorder) (confidential bool) {
	compute, err := l.imds.Compute(ctx, fabric.Once())
	if err != nil {
		if ctx.Err() == nil {
			p.log.Info("The instance metadata service gave no answer, telemetry goes without it", "error", err)
		}
		return false
	}
	r.Common.LearnCompute(compute)
	kind, err := l.imds.SecurityType(ctx)
	confidential = err == nil && kind == "ConfidentialVM"
	r.Common.LearnConfidential(confidential)
	return confidential
}

package provision

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/machine"
)

// CustomDataFile in Lib.Dir is what the customer sent along.
const CustomDataFile = "CustomData"

// customDataRecord in Lib.Dir says how the script started and ended.
const customDataRecord = "state/customdata.json"

// customDataLimit is no limit: the original has none.
const customDataLimit = 365 * 24 * time.Hour

// customDataProgress is how often a running script is mentioned.
const customDataProgress = 30 * time.Second

// saveCustomData keeps the customer's data: as base64, or decoded where that, or running it, is asked for.
func (b *firstBoot) saveCustomData(context.Context) error {
	text := b.env.Linux.CustomData
	conf := b.Config.Provisioning
	data, mode := []byte(text.Reveal()), os.FileMode(0o600)
	if conf.DecodeCustomData || conf.ExecuteCustomData {
		decoded, err := base64.StdEncoding.DecodeString(text.Reveal())
		if err != nil {
			return fmt.Errorf("decode the custom data: %w", err)
		}
		data = decoded
	}
	if conf.ExecuteCustomData {
		mode, b.rec.Execute = 0o700, true
		if err := b.Files.Remove(b.lib(customDataRecord)); err != nil { // of another VM's script, on a cloned disk
			return err
		}
	}
	if err := b.reach("custom-data"); err != nil {
		return err
	}
	return b.Files.WriteAtomic(b.lib(CustomDataFile), data, mode)
}

// runCustomData runs the saved file and waits for it, however long it takes. How it ends is an event; Ready does not
// depend on it.
func (p *Provisioner) runCustomData(ctx context.Context) error {
	command, err := p.customDataCommand()
	if err != nil {
		return err
	}
	begun := time.Now()
	stop := p.mentionCustomData(begun)
	end, err := p.Machine.RunHandler(ctx, command)
	stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	took := time.Since(begun)
	if err == nil && end.ExitCode != 0 {
		err = fmt.Errorf("exit code %d", end.ExitCode)
	}
	if err != nil {
		p.Log.Warn("The custom data script failed", "error", err, "took", took, "output", command.Stderr)
		p.Events.Add(event.Event{Operation: "CustomData", Message: "the custom data script failed: " + err.Error(), Duration: took})
		return nil
	}
	p.Events.Add(event.Event{Operation: "CustomData", Success: true, Duration: took})
	return nil
}

// customDataCommand names real paths, as the contract of handler commands wants them.
func (p *Provisioner) customDataCommand() (machine.HandlerCommand, error) {
	var failed []error
	real := func(name string) string {
		path, err := p.Files.Follow(p.lib(name))
		failed = append(failed, err)
		return path
	}
	command := machine.HandlerCommand{
		Line: real(CustomDataFile), Dir: real("."), Stdout: real("state/customdata.out"), Stderr: real("state/customdata.err"),
		Record: real(customDataRecord), Timeout: customDataLimit,
	}
	return command, errors.Join(failed...)
}

// mentionCustomData says now and then that the script still runs, until the returned function is called.
func (p *Provisioner) mentionCustomData(begun time.Time) (stop func()) {
	done, gone := make(chan struct{}), make(chan struct{})
	tick := time.NewTicker(customDataProgress)
	go func() {
		defer close(gone)
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p.Log.Info("The custom data script is running", "since", time.Since(begun).Round(time.Second))
			}
		}
	}()
	return func() {
		tick.Stop()
		close(done)
		<-gone
	}
}

package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Save keeps the whole state of the running machine, memory and disks, under a name; Load goes back to it.
func (g *Guest) Save(ctx context.Context, name string) error {
	return g.snapshot(ctx, "snapshot-save", name)
}

// Load goes back to a saved state, as often as wanted. Whoever was connected to the guest over the network notices.
func (g *Guest) Load(ctx context.Context, name string) error {
	return g.snapshot(ctx, "snapshot-load", name)
}

// snapshot runs one of QEMU's jobs and waits for its end.
func (g *Guest) snapshot(ctx context.Context, command, name string) error {
	g.jobs++
	job := fmt.Sprintf("%s-%d", command, g.jobs)
	disks := writableDisks(g.spec)
	_, err := g.qmp.do(ctx, command, map[string]any{"job-id": job, "tag": name, "vmstate": disks[0], "devices": disks})
	if err == nil {
		err = g.jobEnds(ctx, job)
	}
	if err == nil {
		_, err = g.qmp.do(ctx, "job-dismiss", map[string]any{"id": job})
	}
	if err == nil && command == "snapshot-load" {
		_, err = g.qmp.do(ctx, "cont", nil) // a loaded machine may stand still
	}
	if err != nil {
		return fmt.Errorf("%s %s of %s: %w", command, name, g.name, err)
	}
	return nil
}

func (g *Guest) jobEnds(ctx context.Context, job string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		reply, err := g.qmp.do(ctx, "query-jobs", nil)
		if err != nil {
			return err
		}
		var jobs []struct{ ID, Status, Error string }
		if err := json.Unmarshal(reply, &jobs); err != nil {
			return err
		}
		for _, j := range jobs {
			if j.ID == job && j.Status == "concluded" {
				if j.Error != "" {
					return errors.New(j.Error)
				}
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

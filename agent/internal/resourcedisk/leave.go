package resourcedisk

import (
	"context"
	"errors"
	"path"
)

// traces are this agent's files on a mounted resource disk, "" for those that are not there.
type traces struct{ swap, notice string }

// Traces are the files that Leave deletes, for saying so before.
func Traces(ctx context.Context, o Options) []string {
	t, err := o.traces(ctx)
	if err != nil {
		return nil // Leave says why
	}
	var names []string
	for _, name := range []string{t.swap, t.notice} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Leave takes back what Activate left on the disk and in memory, for deprovisioning: swap is turned off, its file and
// the notice are deleted. Only what this agent made goes: the swap file if it was asked for one, a notice if its text is
// ours. The disk stays mounted: a person may be working there.
func Leave(ctx context.Context, o Options) error {
	t, err := o.traces(ctx)
	if err != nil {
		return err
	}
	var failed []error
	switch {
	case t.swap == "":
	case o.FreeBSD:
		failed = append(failed, o.removeBSDSwap(ctx, t.swap))
	default:
		failed = append(failed, o.removeSwap(ctx, t.swap))
	}
	if t.notice != "" {
		failed = append(failed, o.Files.Remove(t.notice))
	}
	return errors.Join(failed...)
}

func (o Options) traces(ctx context.Context) (traces, error) {
	at, err := o.mountPoint(ctx)
	if err != nil || at == "" {
		return traces{}, err
	}
	var t traces
	if name := path.Join(at, "swapfile"); o.Config.EnableSwap && o.fileSize(name) >= 0 {
		t.swap = name
	}
	if name := path.Join(at, noticeName); o.isNotice(name) {
		t.notice = name
	}
	return t, nil
}

func (o Options) isNotice(name string) bool {
	text, err := o.Files.ReadFile(name)
	return err == nil && string(text) == notice
}

// mountPoint is where the resource disk is mounted, "" where it is not, or where there is none.
func (o Options) mountPoint(ctx context.Context) (string, error) {
	if o.FreeBSD {
		_, partition, err := o.bsdPartition(ctx)
		if err != nil {
			return "", nil // such a disk was never mounted
		}
		return o.mountedBSD(partition)
	}
	found, err := find(o.Files, o.Config.NVMe)
	if errors.Is(err, ErrNoDisk) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	mounted, err := o.mountOf(found.device)
	return mounted.Target, err
}

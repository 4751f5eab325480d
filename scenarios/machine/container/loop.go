package container

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// loop is a file as a block device of the host.
type loop struct{ device string }

// attach makes a loop device of a file; its partitions become devices too unless it is read-only.
func attach(ctx context.Context, path string, readOnly bool) (loop, error) {
	kind := "--partscan"
	if readOnly {
		kind = "--read-only"
	}
	out, err := losetup(ctx, "--find", "--show", kind, path)
	if err != nil {
		return loop{}, err
	}
	return loop{device: strings.TrimSpace(string(out))}, nil
}

func (l loop) detach(ctx context.Context) error {
	if l.device == "" {
		return nil
	}
	_, err := losetup(ctx, "--detach", l.device)
	return err
}

// detachBelow detaches every loop device whose file lies in dir.
func detachBelow(ctx context.Context, dir string) error {
	out, err := losetup(ctx, "--list", "--json", "--output", "NAME,BACK-FILE")
	if err != nil || len(bytes.TrimSpace(out)) == 0 {
		return err
	}
	var list struct {
		Loopdevices []struct {
			Name string `json:"name"`
			File string `json:"back-file"`
		} `json:"loopdevices"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return fmt.Errorf("read losetup's list: %w", err)
	}
	var errs []error
	for _, l := range list.Loopdevices {
		if strings.HasPrefix(l.File, dir+"/") {
			errs = append(errs, loop{device: l.Name}.detach(ctx))
		}
	}
	return errors.Join(errs...)
}

func losetup(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "losetup", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("losetup %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// blank makes an empty disk.
func blank(path string, megabytes int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(int64(megabytes)<<20), f.Close())
}

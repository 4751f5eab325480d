package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"github.com/waagent-go/waagent/images"
)

const (
	runLabel   = "waagent-go.run"
	ownerLabel = "waagent-go.owner"
)

// owner is a process, told apart from a later one with the same number, and from one of another boot or PID namespace.
type owner struct {
	boot, namespace string
	pid             int
	start           string // clock ticks from the kernel's start
}

func self() (owner, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return owner{}, fmt.Errorf("name this process: %w", err)
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return owner{}, fmt.Errorf("name this process: %w", err)
	}
	o := owner{boot: strings.TrimSpace(string(boot)), namespace: namespace, pid: os.Getpid()}
	o.start, err = startTicks(o.pid)
	return o, err
}

// startTicks is field 22 of /proc/<pid>/stat; the program's name before it may hold spaces.
func startTicks(pid int) (string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	return fields[19], nil
}

func (o owner) String() string {
	return fmt.Sprintf("%s %s %d %s", o.boot, o.namespace, o.pid, o.start)
}

func parseOwner(s string) (owner, error) {
	f := strings.Fields(s)
	if len(f) != 4 {
		return owner{}, fmt.Errorf("owner %q: want four words", s)
	}
	pid, err := strconv.Atoi(f[2])
	return owner{boot: f[0], namespace: f[1], pid: pid, start: f[3]}, err
}

// dead reports whether the process is certainly gone, seen from me. One in another PID namespace cannot be judged.
func (o owner) dead(me owner) bool {
	if o.boot != me.boot {
		return true
	}
	if o.namespace != me.namespace {
		return false
	}
	start, err := startTicks(o.pid)
	return errors.Is(err, os.ErrNotExist) || err == nil && start != o.start
}

// folder makes a folder that says whose it is.
func (o owner) folder(name string) (string, error) {
	dir := filepath.Join(folders(), name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the run's folder: %w", err)
	}
	return dir, os.WriteFile(filepath.Join(dir, "owner"), []byte(o.String()), 0o644)
}

func folders() string { return filepath.Join(images.CacheDir(), "containers") }

// reap removes the containers, networks, loop devices and folders whose owner is dead.
func reap(ctx context.Context, engine *client.Client, log *slog.Logger) error {
	me, err := self()
	if err != nil {
		return err
	}
	orphan := func(label string) bool {
		o, err := parseOwner(label)
		return err == nil && o.dead(me)
	}
	marked := make(client.Filters).Add("label", ownerLabel)
	containers, err := engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: marked})
	errs := []error{err}
	for _, c := range containers.Items {
		if orphan(c.Labels[ownerLabel]) {
			log.Info("removing a container of a dead run", "id", c.ID[:12], "run", c.Labels[runLabel])
			errs = append(errs, remove(ctx, engine, c.ID))
		}
	}
	networks, err := engine.NetworkList(ctx, client.NetworkListOptions{Filters: marked})
	errs = append(errs, err)
	for _, n := range networks.Items {
		if orphan(n.Labels[ownerLabel]) {
			_, err := engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
			errs = append(errs, err)
		}
	}
	dirs, _ := filepath.Glob(filepath.Join(folders(), "*", "owner"))
	for _, file := range dirs {
		data, err := os.ReadFile(file)
		if err == nil && orphan(string(data)) {
			dir := filepath.Dir(file)
			errs = append(errs, detachBelow(ctx, dir), os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

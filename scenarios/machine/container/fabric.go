package container

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/control"
)

const emptyImage = "waagent-go-empty:1"

// fabric is a fabricsim in a container that holds nothing else.
type fabric struct {
	id      string
	control *control.Client
}

// startFabric starts fabricsim with the network's gateway and the fabric's addresses, and waits until it answers.
func (d *Driver) startFabric(ctx context.Context) (*fabric, error) {
	if err := importEmpty(ctx, d.engine); err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(d.options.Fabric)
	if err != nil {
		return nil, fmt.Errorf("read fabricsim: %w", err)
	}
	if err := os.Mkdir(d.path("control"), 0o755); err != nil {
		return nil, err
	}
	address := d.network.next()
	made, err := d.create(ctx, creation{
		name:    d.name + "-fabric",
		image:   emptyImage,
		command: d.fabricCommand(),
		address: address,
		files:   []file{{path: "/fabricsim", mode: 0o755, data: binary}},
		host: container.HostConfig{
			CapAdd: []string{"NET_ADMIN"},
			Binds:  []string{d.path("control") + ":/control"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("start the fabric: %w", err)
	}
	f := &fabric{id: made, control: control.NewClient("unix:" + d.path("control/control.sock"))}
	if err := f.wait(ctx, d); err != nil {
		return nil, errors.Join(fmt.Errorf("start the fabric: %w: %s", err, logs(ctx, d.engine, f.id)), remove(ctx, d.engine, f.id))
	}
	return f, nil
}

func (d *Driver) fabricCommand() []string {
	command := []string{"/fabricsim", "serve", "-control", "unix:/control/control.sock"}
	gateway := netip.PrefixFrom(d.network.gateway, d.network.subnet.Bits())
	command = append(command, "-real", "-add-address", gateway.String())
	for _, ip := range []string{fabricsim.WireServerIP, fabricsim.BlobIP, fabricsim.IMDSIP} {
		command = append(command, "-add-address", ip+"/32")
	}
	return command
}

// wait returns once the control API answers.
func (f *fabric) wait(ctx context.Context, d *Driver) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		_, err := f.control.Info(ctx)
		if err == nil {
			return nil
		}
		state, inspectErr := d.engine.ContainerInspect(ctx, f.id, client.ContainerInspectOptions{})
		if inspectErr == nil && !state.Container.State.Running {
			return fmt.Errorf("it ended with exit code %d", state.Container.State.ExitCode)
		}
		if !pause(ctx, 30*time.Millisecond) {
			return fmt.Errorf("no answer on its control socket: %w", err)
		}
	}
}

// pause waits for d; it answers false when ctx is done first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// importEmpty makes the image of the fabric's container: nothing at all.
func importEmpty(ctx context.Context, engine *client.Client) error {
	if _, err := engine.ImageInspect(ctx, emptyImage); err == nil {
		return nil
	}
	var empty bytes.Buffer
	w := tar.NewWriter(&empty)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "control/", Mode: 0o755, Typeflag: tar.TypeDir}), w.Close()); err != nil {
		return err
	}
	resp, err := engine.ImageImport(ctx, client.ImageImportSource{Source: &empty, SourceName: "-"}, emptyImage, client.ImageImportOptions{})
	if err != nil {
		return fmt.Errorf("import an empty image: %w", err)
	}
	_, err = io.Copy(io.Discard, resp)
	return errors.Join(err, resp.Close())
}

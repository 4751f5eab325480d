package container

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

const emptyImage = "waagent-go-empty:1"

// fabric is a fabricsim in a container that holds nothing else.
type fabric struct {
	id   string
	http *http.Client
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
	f := &fabric{id: made, http: unixClient(d.path("control/control.sock"))}
	if err := f.wait(ctx, d); err != nil {
		return nil, errors.Join(fmt.Errorf("start the fabric: %w: %s", err, logs(ctx, d.engine, f.id)), remove(ctx, d.engine, f.id))
	}
	return f, nil
}

func (d *Driver) fabricCommand() []string {
	command := []string{"/fabricsim", "serve", "-control", "unix:/control/control.sock"}
	gateway := netip.PrefixFrom(d.network.gateway, d.network.subnet.Bits())
	for _, a := range []string{gateway.String(), "168.63.129.16/32", "168.63.129.20/32", "169.254.169.254/32"} {
		command = append(command, "-add-address", a)
	}
	return command
}

// wait returns once the control API answers anything at all.
func (f *fabric) wait(ctx context.Context, d *Driver) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Base()+"/v1/", nil)
		if err != nil {
			return err
		}
		resp, err := f.http.Do(req)
		if err == nil {
			return resp.Body.Close()
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

func unixClient(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
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

package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/netip"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// creation is a container on the driver's network.
type creation struct {
	name, image string
	entrypoint  []string
	command     []string
	address     netip.Addr
	mac         network.HardwareAddr
	files       []file
	terminal    bool
	host        container.HostConfig
}

// create makes the container, puts the files into it and starts it.
func (d *Driver) create(ctx context.Context, c creation) (id string, err error) {
	made, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		Logger:  log.New(io.Discard, "", 0),
		Started: true,
		ContainerRequest: testcontainers.ContainerRequest{
			Name:       c.name,
			Image:      c.image,
			Entrypoint: c.entrypoint,
			Cmd:        c.command,
			Labels:     d.labels(),
			Networks:   []string{d.name},
			ConfigModifier: func(config *container.Config) {
				config.Tty = c.terminal
				config.StopSignal = "SIGRTMIN+3" // systemd: halt
			},
			HostConfigModifier: func(h *container.HostConfig) {
				mode := h.NetworkMode
				*h = c.host
				h.NetworkMode = mode
			},
			EndpointSettingsModifier: func(e map[string]*network.EndpointSettings) {
				for _, settings := range e {
					settings.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: c.address}
					settings.MacAddress = c.mac
				}
			},
			LifecycleHooks: []testcontainers.ContainerLifecycleHooks{{
				PostCreates: []testcontainers.ContainerHook{func(ctx context.Context, made testcontainers.Container) error {
					return copyIn(ctx, d.engine, made.GetContainerID(), c.files)
				}},
			}},
		},
	})
	if made != nil {
		id = made.GetContainerID()
	}
	if err != nil && id != "" {
		err = errors.Join(err, remove(ctx, d.engine, id))
	}
	return id, err
}

// remove destroys a container. Swap it had switched on is the host's, and would outlive it.
func remove(ctx context.Context, engine *client.Client, id string) error {
	_, err := execute(ctx, engine, id, client.ExecCreateOptions{Cmd: []string{"swapoff", "-a"}}, nil)
	if err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) { // not running, gone, or no such program
		err = nil
	}
	_, err = engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	return nil
}

// logs is what a container has written; on a terminal both streams are one.
func logs(ctx context.Context, engine *client.Client, id string) []byte {
	resp, err := engine.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return []byte(err.Error())
	}
	defer resp.Close()
	raw, _ := io.ReadAll(resp)
	var both bytes.Buffer
	if _, err := stdcopy.StdCopy(&both, &both, bytes.NewReader(raw)); err != nil {
		return raw // a terminal's output has no frames
	}
	return both.Bytes()
}

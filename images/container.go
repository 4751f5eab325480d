package images

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Label is on every container image made here; its value is the catalog id.
const Label = "waagent-go.image"

//go:embed recipes/guest-init.sh
var guestInit []byte

// GuestInit is the shell script to start a guest's container with: it sets the machine up, then becomes systemd.
func GuestInit() []byte { return guestInit }

const repository = "waagent-go-image"

// Container returns the reference of a container image of the given guest, importing its root filesystem into the
// engine first where it is not there yet. The image starts systemd.
func Container(ctx context.Context, id string, v Variant, p Progress) (string, error) {
	docker, err := exec.LookPath("docker")
	if err != nil {
		return "", &Unavailable{ID: id, Why: "the docker program is not installed"}
	}
	c, err := Load()
	if err != nil {
		return "", err
	}
	i, err := c.Image(id)
	if err != nil {
		return "", err
	}
	if i.Source.Kind == "official" {
		return official(ctx, docker, i, v, p)
	}
	if i.Arch != "" {
		return "", &Unavailable{ID: id, Why: "a container has its host's processor"}
	}
	b, err := plan(id, v, nil)
	if err != nil {
		return "", err
	}
	ref := repository + ":" + b.name
	if present(ctx, docker, ref) {
		return ref, nil
	}
	if out, err := exec.CommandContext(ctx, docker, "version").CombinedOutput(); err != nil {
		return "", &Unavailable{ID: id, Why: fmt.Sprintf("the container engine does not answer: %s", lastLine(out))}
	}
	tree, err := b.cached(ctx, p)
	if err != nil {
		return "", err
	}
	unlock, err := Lock(ctx, filepath.Join(CacheDir(), "images", b.name+".import.lock"), func() {
		p.say("waiting for another run that imports %s", ref)
	})
	if err != nil {
		return "", err
	}
	p.say("importing %s into the container engine", ref)
	out, err := exec.CommandContext(ctx, docker, importArguments(tree, ref, id)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("import %s: %w: %s", ref, err, out)
	}
	return ref, errors.Join(err, unlock())
}

// lastLine is where programs say what went wrong.
func lastLine(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[bytes.LastIndexByte(out, '\n')+1:]
}

func importArguments(tree, ref, id string) []string {
	return []string{
		"import",
		"--change", `ENTRYPOINT ["/sbin/init"]`,
		"--change", "ENV container=docker",
		"--change", fmt.Sprintf("LABEL %s=%s", Label, id),
		tree, ref,
	}
}

func present(ctx context.Context, docker, ref string) bool {
	return exec.CommandContext(ctx, docker, "image", "inspect", ref).Run() == nil
}

// official takes the image that the distribution publishes from the engine, or else from its registry. Such an image
// is as it is: there is no variant of it with further packages.
func official(ctx context.Context, docker string, i Image, v Variant, p Progress) (string, error) {
	switch {
	case v != Plain:
		return "", &Unavailable{ID: i.ID, Why: fmt.Sprintf("no variant %s is published", v)}
	case i.Source.Container == "":
		return "", &Unavailable{ID: i.ID, Why: "no container image that starts a service manager is published"}
	case present(ctx, docker, i.Source.Container):
		return i.Source.Container, nil
	}
	p.say("pulling %s", i.Source.Container)
	out, err := exec.CommandContext(ctx, docker, "pull", "--quiet", i.Source.Container).CombinedOutput()
	if ctx.Err() != nil {
		return "", fmt.Errorf("pull %s: %w", i.Source.Container, ctx.Err())
	}
	if err != nil {
		return "", &Unavailable{ID: i.ID, Why: fmt.Sprintf("cannot be pulled: %s", bytes.TrimSpace(out))}
	}
	return i.Source.Container, nil
}

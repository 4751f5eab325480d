package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Rootfs returns the path of a tar with the root filesystem of the image, built first if no cached one has the same
// suite, packages and recipe. Extra packages come on top of the variant's. Two runs that want the same one build it
// once. The file belongs to the cache: never change it.
func Rootfs(ctx context.Context, id string, v Variant, p Progress, extra ...string) (string, error) {
	b, err := plan(id, v, extra)
	if err != nil {
		return "", err
	}
	return b.cached(ctx, p)
}

// build is one root filesystem: what goes into it, and the file name that follows from that.
type build struct {
	debian
	name string // of the cached file, without its suffix: id, variant and a key of the content
}

func plan(id string, v Variant, extra []string) (build, error) {
	c, err := Load()
	if err != nil {
		return build{}, err
	}
	i, err := c.Image(id)
	if err != nil {
		return build{}, err
	}
	if i.Source.Kind != "debian" {
		return build{}, &Unavailable{ID: id, Why: "it is not built from packages, and what its distribution publishes cannot be had here"}
	}
	packages, err := c.packages(i, v, extra)
	if err != nil {
		return build{}, err
	}
	d := debian{image: i, packages: packages}
	return build{debian: d, name: fmt.Sprintf("%s-%s-%s", id, strings.ReplaceAll(string(v), "+", "-"), d.key())}, nil
}

// key stands for everything that the content of the tree follows from, but for the day's package versions.
func (d debian) key() string {
	h := sha256.New()
	fmt.Fprintln(h, d.arguments("TREE", "FINISH", "MIRROR"))
	h.Write(d.finish())
	return hex.EncodeToString(h.Sum(nil))[:12]
}

func (b build) cached(ctx context.Context, p Progress) (path string, err error) {
	dir := filepath.Join(CacheDir(), "images")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the image cache: %w", err)
	}
	path = filepath.Join(dir, b.name+".tar")
	if exists(path) {
		return path, nil
	}
	unlock, err := Lock(ctx, path+".lock", func() { p.say("waiting for another run that builds %s", b.name) })
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if exists(path) { // the other run has built it
		return path, nil
	}
	part := path + ".part" // a rest of a killed run is overwritten
	defer os.Remove(part)
	start := time.Now()
	p.say("building image %s from %s packages", b.name, b.image.Source.Suite)
	if err := b.run(ctx, part, p); err != nil {
		return "", err
	}
	if err := os.Rename(part, path); err != nil {
		return "", fmt.Errorf("keep image %s: %w", b.name, err)
	}
	p.say("built image %s in %.0f s", b.name, time.Since(start).Seconds())
	return path, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

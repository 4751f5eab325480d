package images

import (
	"context"
)

// Rootfs returns the path of a tar with the root filesystem of the image, built first if no cached one has the same
// suite, packages and recipe. Extra packages come on top of the variant's. Two runs that want the same one build it
// once. The file belongs to the cache: never change it.
func Rootfs(ctx context.Context, id string, v Variant, p Progress, extra ...string) (string, error) {
	c, err := Load()
	if err != nil {
		return "", err
	}
	i, err := c.Image(id)
	if err != nil {
		return "", err
	}
	if i.Source.Kind != "debian" {
		return "", &Unavailable{ID: id, Why: "its official image needs a registry, and none is reachable from here"}
	}
	packages, err := c.packages(i, v, extra)
	if err != nil {
		return "", err
	}
	return debian{image: i, packages: packages}.rootfs(ctx, p)
}

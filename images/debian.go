package images

import (
	"context"
	"errors"
)

// debian builds a root filesystem of one suite from its packages.
type debian struct {
	image    Image
	packages []string
}

func (d debian) rootfs(ctx context.Context, p Progress) (string, error) {
	return "", errors.New("not built yet")
}

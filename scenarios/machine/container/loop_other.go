//go:build !linux

package container

import (
	"context"
	"errors"
)

// Loop devices are Linux's alone: elsewhere this driver says so when a guest with a disk is made.
var errNoLoop = errors.New("loop devices need Linux")

func (l loop) node() (string, error) {
	if l.device == "" {
		return "-", nil
	}
	return "", errNoLoop
}

func (l loop) change(context.Context, string) error { return errNoLoop }

//go:build !linux

package images

import "syscall"

func mountTmpfs(string, string) error { return syscall.EPERM }

func unmountBelow(string) {}

//go:build !unix

package main

import "syscall"

func background() *syscall.SysProcAttr { return nil }

//go:build unix

package main

import "syscall"

// background makes a process outlive the terminal it was started from.
func background() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

//go:build !linux

package egress

import "syscall"

func queueLittle(syscall.RawConn) {}

func dropSilent(syscall.RawConn) {}

func kernelTransit(syscall.RawConn) (Transit, bool) { return Transit{}, false }

package egress

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unsentMost is how many bytes may wait in the kernel that were not sent yet. More
// would not make a send faster: what is in flight is not limited by it, and the kernel
// still chooses the size of its buffer.
const unsentMost = 1 << 20

// queueLittle lets a write wait while much is unsent.
func queueLittle(raw syscall.RawConn) {
	set(raw, unix.TCP_NOTSENT_LOWAT, unsentMost)
}

// dropSilent has the kernel end a connection whose other side acknowledges nothing for
// as long as silentMost.
func dropSilent(raw syscall.RawConn) {
	set(raw, unix.TCP_USER_TIMEOUT, int(silentMost.Milliseconds()))
}

func set(raw syscall.RawConn, option, value int) {
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, option, value) // an old kernel goes without
	})
}

func kernelTransit(raw syscall.RawConn) (t Transit, ok bool) {
	_ = raw.Control(func(fd uintptr) { // it fails where the connection is closed
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil || info.Bytes_acked == 0 { // a kernel that does not count them, or a connection that never was
			return
		}
		ok = true
		t = Transit{
			Acked: int64(info.Bytes_acked), Known: true, InFlight: info.Unacked > 0, Unsent: info.Notsent_bytes > 0,
			RoundTrip: time.Duration(info.Rtt) * time.Microsecond,
		}
	})
	return t, ok
}

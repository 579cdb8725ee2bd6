//go:build !linux

package thumbnail

import (
	"os"
	"syscall"
)

// self is this program.
func self() (string, error) { return os.Executable() }

// limit sets what the process may use, as far as the system has limits for that. What a
// picture may cost is estimated before it is decoded, here as everywhere.
func limit() error {
	seconds := uint64(cpuTime.Seconds())
	return syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: seconds, Max: seconds})
}

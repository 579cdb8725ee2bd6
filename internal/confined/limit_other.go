//go:build !linux

package confined

import (
	"os"
	"syscall"
)

// self is this program.
func self() (string, error) { return os.Executable() }

// limit sets what the process may use, as far as the system has limits for that. What a
// picture may cost is estimated before it is decoded, here as everywhere.
func limit(l Limits) error {
	for resource, most := range map[int]uint64{syscall.RLIMIT_CPU: uint64(l.CPU.Seconds()), syscall.RLIMIT_FSIZE: uint64(l.File)} {
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

// limitNext is limit for the program that takes this one's place.
func limitNext(l Limits) error { return limit(l) }

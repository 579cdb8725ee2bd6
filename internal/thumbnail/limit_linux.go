package thumbnail

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// self is this program, also where its file was replaced since it started.
func self() (string, error) { return "/proc/self/exe", nil }

// limit sets what the process may use: memory by what it has now, since a race detector
// has a lot.
func limit() error {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	var size, resident, shared, code, lib, data uint64 // pages
	if _, err := fmt.Sscan(string(text), &size, &resident, &shared, &code, &lib, &data); err != nil {
		return err
	}
	for resource, most := range map[int]uint64{
		unix.RLIMIT_DATA:  data*uint64(os.Getpagesize()) + memoryMost,
		unix.RLIMIT_CPU:   uint64(cpuTime.Seconds()),
		unix.RLIMIT_FSIZE: 0,
		unix.RLIMIT_CORE:  0,
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

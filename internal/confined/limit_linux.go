package confined

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// self is this program, also where its file was replaced since it started.
func self() (string, error) { return "/proc/self/exe", nil }

// limit sets what the process may use: memory beside what it has now, since a race
// detector has a lot.
func limit(l Limits) error {
	has, err := hasMemory()
	if err != nil {
		return err
	}
	return set(l, has)
}

// limitNext is limit for the program that takes this one's place.
func limitNext(l Limits) error { return set(l, 0) }

func set(l Limits, has uint64) error {
	for resource, most := range map[int]uint64{
		unix.RLIMIT_DATA:  has + uint64(l.Memory),
		unix.RLIMIT_CPU:   uint64(l.CPU.Seconds()),
		unix.RLIMIT_FSIZE: uint64(l.File),
		unix.RLIMIT_CORE:  0,
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

func hasMemory() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident, shared, code, lib, data uint64 // pages
	_, err = fmt.Sscan(string(text), &size, &resident, &shared, &code, &lib, &data)
	return data * uint64(os.Getpagesize()), err
}

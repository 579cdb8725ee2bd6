//go:build linux || darwin || freebsd

package trust

import "syscall"

// flagReadOnly is ST_RDONLY, and MNT_RDONLY elsewhere.
const flagReadOnly = 1

// readOnly reports whether a path lies on a mount that is read-only.
func readOnly(path string) bool {
	var mount syscall.Statfs_t
	return syscall.Statfs(path, &mount) == nil && mount.Flags&flagReadOnly != 0
}

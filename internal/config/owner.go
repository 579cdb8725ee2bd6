package config

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner of the one that it replaces. Only root can do so, and
// for everybody else it is their own already.
func keepOwner(file *os.File, was fs.FileInfo) error {
	owner, known := was.Sys().(*syscall.Stat_t)
	if !known || os.Geteuid() != 0 {
		return nil
	}
	return file.Chown(int(owner.Uid), int(owner.Gid))
}

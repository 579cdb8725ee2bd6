package ledgertest

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// runner starts programs as a user under whom postgres agrees to run: it refuses
// root.
type runner struct {
	folder     string
	credential *syscall.Credential // nil: as this process
}

// newRunner gives folder to the user that programs will run as.
func newRunner(folder string) (runner, error) {
	r := runner{folder: folder}
	if os.Geteuid() != 0 {
		return r, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			return r, err
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			return r, err
		}
		r.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return r, os.Chown(folder, int(uid), int(gid))
	}
	return r, errors.New("no user to run postgres as, want postgres or nobody")
}

// command is a program in a session of its own, so that what ends the tests from
// the terminal leaves it to end in its own way.
func (r runner) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(name, args...)
	command.Dir = r.folder
	command.Env = append(os.Environ(), "LC_ALL=C", "HOME="+r.folder)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: r.credential}
	return command
}

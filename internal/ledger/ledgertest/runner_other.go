//go:build !unix

package ledgertest

import "os/exec"

// runner starts programs as a user under whom postgres agrees to run.
type runner struct{}

// newRunner refuses: the server is only started where there are sockets in
// folders, and a shell.
func newRunner(string) (runner, error) { return runner{}, errNone }

func (runner) command(name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }

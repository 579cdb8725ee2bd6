package enginehost

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"
)

const hostVariable = "MEDIAFERRY_TEST_HOST"

// hostProcess joins, prints what it found, and stays until its standard input
// ends.
func hostProcess(data, binary string) int {
	opts := Options{Data: data, Binary: binary}
	if os.Getenv(hostVariable+"_FAKE") != "" {
		opts.tempo = fakeTempo()
	}
	m, err := Join(context.Background(), opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = json.NewEncoder(os.Stdout).Encode(m.Address())
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = m.Close()
	return 0
}

// otherHost is a host in a process of its own, which can be killed.
type otherHost struct {
	t       *testing.T
	cmd     *exec.Cmd
	stdout  *bufio.Reader // what comes after the address
	address Address
}

func startHost(t *testing.T, data, binary string, fake bool) *otherHost {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	h := &otherHost{t: t, cmd: exec.Command(self, data)}
	h.cmd.Env = append(os.Environ(), hostVariable+"="+binary)
	if fake {
		h.cmd.Env = append(h.cmd.Env, hostVariable+"_FAKE=1")
	}
	h.cmd.Stderr = os.Stderr
	stdout, err := h.cmd.StdoutPipe()
	require.NoError(t, err)
	_, err = h.cmd.StdinPipe() // open until the process is waited for
	require.NoError(t, err)
	require.NoError(t, h.cmd.Start())
	t.Cleanup(func() { _ = h.cmd.Process.Kill(); _ = h.cmd.Wait() })
	h.stdout = bufio.NewReader(stdout)
	line, err := h.stdout.ReadBytes('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, &h.address))
	return h
}

// kill ends the host as an operator's kill -9 does, and nothing but the host.
func (h *otherHost) kill() {
	h.t.Helper()
	require.NoError(h.t, h.cmd.Process.Kill())
	_ = h.cmd.Wait()
}

// requireEngineGone waits for the lock that an engine holds as long as it lives.
func requireEngineGone(t *testing.T, data string) {
	t.Helper()
	lock := flock.New(folder(data).engineLock())
	free, err := lock.TryLockContext(t.Context(), fakeTempo().poll)
	require.NoError(t, err)
	require.True(t, free)
	require.NoError(t, lock.Unlock())
}

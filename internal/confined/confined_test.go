package confined

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Hidden commands of this test's program.
const (
	greedy = "take-too-much"
	modest = "copy-what-it-reads"
	busy   = "compute-for-ever"
	broken = "say-what-is-wrong"
	writer = "write-a-file"
)

var small = Limits{Memory: 64 << 20, CPU: time.Second, File: 1 << 10}

func init() {
	Command(greedy, small, func() error {
		much := make([]byte, 2*small.Memory)
		for i := range much {
			much[i] = 1
		}
		if much[len(much)-1] != 1 {
			return errors.New("unexpected")
		}
		return nil
	})
	Command(modest, small, func() error {
		_, err := os.Stdout.ReadFrom(os.Stdin)
		if len(os.Environ()) > 0 {
			err = errors.New("it has an environment")
		}
		return err
	})
	Command(busy, small, func() error {
		for n := 0; ; n++ {
			if n < 0 {
				return nil
			}
		}
	})
	Command(broken, small, func() error { return errors.New("no such picture") })
	Command(writer, small, func() error {
		_, err := os.NewFile(3, "3").Write(make([]byte, small.File+1))
		return err
	})
}

func run(t *testing.T, c Call) error {
	t.Helper()
	c.Time = time.Minute
	return Run(t.Context(), c)
}

func TestAProcessReadsAndWrites(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t, Call{Command: modest, Stdin: strings.NewReader("picture"), Stdout: &out}))
	require.Equal(t, "picture", out.String())
}

func TestAProcessSaysWhatIsWrong(t *testing.T) {
	var failed *Error
	require.ErrorAs(t, run(t, Call{Command: broken}), &failed)
	require.Equal(t, "no such picture", failed.Said)
	require.False(t, failed.Busy || failed.Late)
}

func TestAProcessMayNotTakeMoreMemoryThanItsLimit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux limits the memory of a Go program")
	}
	var failed *Error
	require.ErrorAs(t, run(t, Call{Command: greedy}), &failed)
}

func TestAProcessMayNotComputeForLonger(t *testing.T) {
	var failed *Error
	require.ErrorAs(t, run(t, Call{Command: busy}), &failed)
	require.True(t, failed.Busy)
}

func TestAProcessMayNotWriteMore(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	require.Error(t, run(t, Call{Command: writer, Files: []*os.File{file}}))
}

func TestAnotherProgramTakesTheProcessWithItsLimits(t *testing.T) {
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	var out bytes.Buffer
	call := Call{Program: shell, Arguments: []string{"-c", "ulimit -t; ulimit -c; env | grep -v ^PWD= | grep -v ^_= | wc -l; pwd"}, Limits: small, Stdout: &out}
	require.NoError(t, run(t, call))
	require.Equal(t, []string{"1", "0", "0", "/"}, strings.Fields(out.String()))
	call.Program = "/nowhere/program"
	require.ErrorContains(t, run(t, call), "no such file")
}

func TestAProcessThatNobodyWantsAnyMoreEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Run(ctx, Call{Command: busy, Time: time.Minute}), context.Canceled)
	var failed *Error
	require.ErrorAs(t, Run(t.Context(), Call{Command: busy, Time: time.Millisecond}), &failed)
	require.True(t, failed.Late)
}

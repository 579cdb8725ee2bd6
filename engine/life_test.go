package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/mediaferry/mediaferry/internal/guard"
)

// child is an engine in a process of its own, as its parent sees it.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin *os.File // its end ends the child
	ready *os.File
	log   *bytes.Buffer
}

// testToken is that of every data folder of these tests.
const testToken = "the-token-of-a-test"

func startChild(t *testing.T, data string, args ...string) *child {
	t.Helper()
	if os.MkdirAll(data, 0o700) == nil { // some test what happens where this fails
		_ = os.WriteFile(guard.TokenFile(data), []byte(testToken), 0o600)
	}
	return startProgram(t, append([]string{"--data", data}, args...)...)
}

func startProgram(t *testing.T, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), programName)
	require.NoError(t, os.Symlink(self, program))
	theirs, ours, err := os.Pipe()
	require.NoError(t, err)
	ready, tell, err := os.Pipe()
	require.NoError(t, err)
	c := &child{t: t, stdin: ours, ready: ready, log: &bytes.Buffer{}}
	c.cmd = exec.Command(program, args...)
	c.cmd.Stdin, c.cmd.Stderr, c.cmd.ExtraFiles = theirs, c.log, []*os.File{tell}
	require.NoError(t, c.cmd.Start())
	require.NoError(t, theirs.Close())
	require.NoError(t, tell.Close())
	t.Cleanup(c.kill)
	return c
}

// answer waits for the child's one line.
func (c *child) answer() announcement {
	c.t.Helper()
	var line announcement
	c.read(&line)
	return line
}

func (c *child) read(line any) {
	c.t.Helper()
	text, err := io.ReadAll(c.ready)
	require.NoError(c.t, err)
	require.Equal(c.t, 1, strings.Count(string(text), "\n"), "one line is due; log: %s", c.log)
	require.NoError(c.t, json.Unmarshal(text, line))
}

// serving waits for a child that can serve.
func (c *child) serving() announcement {
	c.t.Helper()
	line := c.answer()
	require.Empty(c.t, line.Error)
	require.Equal(c.t, c.cmd.Process.Pid, line.PID)
	return line
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	_ = c.stdin.Close()
	_ = c.ready.Close()
}

// exit waits for the end of the child and returns its status.
func (c *child) exit() int {
	c.t.Helper()
	_ = c.cmd.Wait()
	return c.cmd.ProcessState.ExitCode()
}

func describe(t *testing.T, address string) *namespacepb.NamespaceConfig {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer(testToken)))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	service := workflowservice.NewWorkflowServiceClient(conn)
	answer, err := service.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(t, err)
	return answer.GetConfig()
}

func TestEngineServesUntilItsParentIsGone(t *testing.T) {
	data := t.TempDir()
	uiPort, err := freePort(nil)
	require.NoError(t, err)
	c := startChild(t, data, "--ui-port", strconv.Itoa(uiPort), "--codec-endpoint", "http://127.0.0.1:9/codec")
	line := c.serving()
	require.Equal(t, "default", line.Namespace)
	require.Equal(t, newNamespaceRetention, describe(t, line.Temporal).GetWorkflowExecutionRetentionTtl().AsDuration())
	require.Contains(t, get(t, line.UI+"/"), "<html")
	require.Contains(t, get(t, line.UI+"/api/v1/settings"), "http://127.0.0.1:9/codec")

	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, c.cmd.Process.Signal(signal))
	}
	describe(t, line.Temporal)

	require.NoError(t, c.stdin.Close())
	require.Equal(t, exitOK, c.exit())
	requireUnlocked(t, data)
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

func requireUnlocked(t *testing.T, data string) {
	t.Helper()
	lock := flock.New(filepath.Join(data, "engine", "lock"))
	free, err := lock.TryLock()
	require.NoError(t, err)
	require.True(t, free)
	require.NoError(t, lock.Unlock())
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "not", "there", "yet")
	startChild(t, data).serving()
	files, err := filepath.Glob(filepath.Join(data, "engine", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, file)
	}
}

func TestRetentionIsChangedWhereItIsGiven(t *testing.T) {
	data := t.TempDir()
	for _, step := range []struct {
		args []string
		want time.Duration
	}{
		{[]string{"--retention", "48h"}, 48 * time.Hour},
		{[]string{"--retention", "72h"}, 72 * time.Hour},
		{nil, 72 * time.Hour},
	} {
		c := startChild(t, data, step.args...)
		require.Equal(t, step.want, describe(t, c.serving().Temporal).GetWorkflowExecutionRetentionTtl().AsDuration())
		c.kill()
	}
}

func TestFirstStartMayBeKilledAtAnyMoment(t *testing.T) {
	for _, least := range []int64{1, 5_000, 100_000, 300_000, 600_000, 900_000} {
		data := t.TempDir()
		c := startChild(t, data)
		grown := waitForBytes(t, data, least)
		c.kill()
		t.Logf("killed with %d bytes in the databases", grown)
		again := startChild(t, data)
		describe(t, again.serving().Temporal)
		again.kill()
	}
}

// waitForBytes waits until the databases have at least that many bytes, or have
// stopped growing because the engine serves.
func waitForBytes(t *testing.T, data string, least int64) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for {
		got := storedBytes(filepath.Join(data, "engine"))
		if got > 0 && got >= least || ctx.Err() != nil {
			return got
		}
	}
}

func TestNewEngineWaitsForTheOneBefore(t *testing.T) {
	data := t.TempDir()
	first := startChild(t, data)
	first.serving()
	second := startChild(t, data)
	require.NoError(t, first.stdin.Close())
	second.serving()
	require.Equal(t, exitOK, first.exit())
}

func TestWaitForTheLockEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held := flock.New(path)
	require.NoError(t, held.Lock())
	defer func() { require.NoError(t, held.Unlock()) }()
	err := waitForLock(t.Context(), flock.New(path), time.Millisecond)
	require.ErrorContains(t, err, "another engine has held")
	var f *failure
	require.ErrorAs(t, err, &f)
	require.Equal(t, reasonLocked, f.reason)
}

func TestStartSaysWhatIsInTheWay(t *testing.T) {
	taken, err := net.Listen("tcp", onLoopback(0))
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, c := range map[string]struct {
		data   string
		args   []string
		want   string
		reason reason
	}{
		"the port is taken":           {args: []string{"--port", port}, want: "--port " + port + " cannot be used: ", reason: reasonPort},
		"the port of the UI is taken": {args: []string{"--ui-port", port}, want: "--ui-port " + port + " cannot be used: ", reason: reasonPort},
		"the data folder is a file":   {data: file, want: "cannot be used: mkdir"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.data == "" {
				c.data = t.TempDir()
			}
			child := startChild(t, c.data, c.args...)
			line := child.answer()
			require.Contains(t, line.Error, c.want)
			require.Equal(t, c.reason, line.Reason)
			require.Equal(t, exitFailed, child.exit())
		})
	}
}

func TestCompactGivesSpaceBack(t *testing.T) {
	data := t.TempDir()
	c := startChild(t, data)
	c.serving()
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFailed, run([]string{"--data", data, "--compact"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "an engine is running on")
	c.kill()

	self := startChild(t, data, "--compact")
	require.Equal(t, exitOK, self.exit(), self.log)
	again := startChild(t, data)
	describe(t, again.serving().Temporal)
	again.kill()

	require.Equal(t, exitOK, run([]string{"--data", data, "--compact"}, &stdout, &stderr))
	var result sizes
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &result))
	require.Positive(t, result.After)
	require.Less(t, result.After, result.Before)
}

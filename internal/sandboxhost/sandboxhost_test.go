package sandboxhost

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const hostVariable = "MEDIAFERRY_TEST_SANDBOX_HOST"

// TestMain lets the test binary stand in for a process that runs a sandbox and is
// killed.
func TestMain(m *testing.M) {
	if binary := os.Getenv(hostVariable); binary != "" {
		box, err := Start(context.Background(), Options{Data: os.Args[1], Binary: binary})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(box.URL())
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	os.Exit(m.Run())
}

// engineBinary is the engine as it was built, or the end of the test.
func engineBinary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("MEDIAFERRY_ENGINE")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "mediaferry-engine")
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("MEDIAFERRY_NO_SKIP") == "1" {
			t.Fatalf("there is no engine to test with: %v", err)
		}
		t.Skipf("NOT TESTED: there is no engine; run make build, or set MEDIAFERRY_ENGINE: %v", err)
	}
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	return path
}

func start(t *testing.T, o Options) *Sandbox {
	t.Helper()
	o.Binary = engineBinary(t)
	box, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		select {
		case <-box.closing:
		default:
			box.Close()
		}
	})
	return box
}

func TestSandboxServesUntilItIsClosed(t *testing.T) {
	data := t.TempDir()
	box := start(t, Options{Data: data, Faults: []string{"trustana.put#1=status=503"}})
	require.Equal(t, filepath.Join(data, ConfigFile), box.Config())
	config, err := os.ReadFile(box.Config())
	require.NoError(t, err)
	require.Contains(t, string(config), box.URL())
	info, err := os.Stat(box.Config())
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)

	books, err := box.Books(t.Context())
	require.NoError(t, err)
	require.Empty(t, books.Media)
	require.Empty(t, books.Violations)
	var settings map[string]any
	require.NoError(t, box.Settings(t.Context(), &settings))
	require.NotEmpty(t, settings)
	require.NoError(t, box.Err())

	box.Close()
	<-box.Done()
	require.NoError(t, box.Err())
	_, err = http.Get(box.URL() + "/_sandbox/health")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	again := start(t, Options{Data: data})
	require.Equal(t, box.URL(), again.URL(), "URLs that were handed out stay good")
}

func TestViolationsAreRead(t *testing.T) {
	box := start(t, Options{Data: t.TempDir()})
	response, err := http.Get(box.URL() + "/trustana/nothing")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	books, err := box.Books(t.Context())
	require.NoError(t, err)
	require.Len(t, books.Violations, 1)
	require.Contains(t, books.Violations[0].String(), "trustana.unknown: unknown-path: GET /trustana/nothing")
}

func TestAWrongFaultIsToldFromAFailure(t *testing.T) {
	_, err := Start(t.Context(), Options{Data: t.TempDir(), Binary: engineBinary(t), Faults: []string{"nonsense"}})
	var wrong *FaultError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, `--fault "nonsense": `)

	_, err = Start(t.Context(), Options{Data: t.TempDir(), Binary: "/no/such/engine"})
	require.NotErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, `sandbox "/no/such/engine" cannot be started`)
}

func TestAnAddressThatIsTakenIsReplacedUnlessItIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	data := t.TempDir()
	require.NoError(t, os.Mkdir(Folder(data), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(Folder(data), addressFile), []byte(address), 0o600))

	_, err = Start(t.Context(), Options{Data: data, Binary: engineBinary(t), Listen: address})
	require.ErrorContains(t, err, "address already in use")

	var moved []string
	box := start(t, Options{Data: data, Moved: func(last string) { moved = append(moved, last) }})
	require.Equal(t, []string{address}, moved)
	require.NotContains(t, box.URL(), address)
}

func TestTwoSandboxesShareNoFolder(t *testing.T) {
	data := t.TempDir()
	start(t, Options{Data: data})
	_, err := Start(t.Context(), Options{Data: data, Binary: engineBinary(t), Listen: "127.0.0.1:0"})
	require.ErrorContains(t, err, "is in use by another sandbox")
}

func TestASandboxThatEndsByItselfSaysSo(t *testing.T) {
	data := t.TempDir()
	box := start(t, Options{Data: data})
	pids := processes(t, data)
	require.Len(t, pids, 1)
	require.NoError(t, syscall.Kill(pids[0], syscall.SIGKILL))
	<-box.Done()
	require.ErrorContains(t, box.Err(), "sandbox ended (signal: killed)")
}

func TestNoSandboxOutlivesItsParent(t *testing.T) {
	data := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(self, data)
	parent.Env, parent.Stderr = append(os.Environ(), hostVariable+"="+engineBinary(t)), os.Stderr
	stdout, err := parent.StdoutPipe()
	require.NoError(t, err)
	_, err = parent.StdinPipe() // open until the process is waited for
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	t.Cleanup(func() { _ = parent.Process.Kill(); _ = parent.Wait() })
	lines := bufio.NewReader(stdout)
	url, err := lines.ReadString('\n')
	require.NoError(t, err)

	require.NoError(t, parent.Process.Kill())
	rest, err := io.ReadAll(lines) // ends although nobody has waited for the sandbox: it holds no output of its parent's
	require.NoError(t, err)
	require.Empty(t, rest)
	box := start(t, Options{Data: data})
	require.Equal(t, strings.TrimSpace(url), box.URL(), "the next one waits for the one before, and for its address")
	require.Len(t, processes(t, data), 1)
}

// processes are those that were called with the folder of the data folder.
func processes(t *testing.T, data string) (pids []int) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, line := range lines {
		raw, err := os.ReadFile(line)
		if err != nil || !strings.Contains(string(raw), "\x00"+Folder(data)) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(line, "/proc/%d/cmdline", &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestASandboxForOtherHostsIsAskedOnItsOwn(t *testing.T) {
	data := t.TempDir()
	box := start(t, Options{Data: data, Listen: "0.0.0.0:0", Host: "sandbox"})
	require.Regexp(t, `^http://sandbox:\d+$`, box.URL())
	config, err := os.ReadFile(box.Config())
	require.NoError(t, err)
	require.Contains(t, string(config), box.URL()+"/trustana")
	_, err = box.Books(t.Context())
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(Folder(data), addressFile), "the next sandbox is for this host again")
}

package enginehost

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// join joins with a fake engine, in a folder that the caller may have prepared.
func join(t *testing.T, opts Options) *Member {
	t.Helper()
	m, err := tryJoin(t, opts)
	require.NoError(t, err)
	return m
}

func tryJoin(t *testing.T, opts Options) (*Member, error) {
	t.Helper()
	if opts.Binary == "" {
		opts.Binary = fakeBinary(t)
	}
	if opts.tempo.poll == 0 {
		opts.tempo = fakeTempo()
	}
	m, err := Join(t.Context(), opts)
	if err == nil {
		t.Cleanup(func() { require.NoError(t, m.Close()) })
	}
	return m, err
}

// processID asks the engine that m dials for its process.
func processID(t *testing.T, m *Member) int {
	t.Helper()
	conn, err := m.Dial(t.Context(), "any address")
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	return pid
}

// until waits for what comes about by itself.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, time.Minute, 5*time.Millisecond, what)
}

func killEngine(t *testing.T, m *Member) int {
	t.Helper()
	pid := m.Address().PID
	require.Positive(t, pid) // 0 would be this process
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	return pid
}

func TestFirstMemberHostsAndSecondIsAGuest(t *testing.T) {
	data := t.TempDir()
	host := join(t, Options{Data: data})
	guest := join(t, Options{Data: data})
	require.True(t, host.Hosting())
	require.False(t, guest.Hosting())
	require.Equal(t, host.Address(), guest.Address())
	require.Equal(t, "default", host.Address().Namespace)
	require.Equal(t, host.Address().PID, processID(t, guest))
	require.Len(t, starts(t, data), 1)

	found, ok := running(t.Context(), folder(data), answersTCP)
	require.True(t, ok)
	require.Equal(t, host.Address(), found)
}

func TestGuestTakesOverOnTheSamePorts(t *testing.T) {
	data := t.TempDir()
	host := join(t, Options{Data: data})
	guest := join(t, Options{Data: data, Port: 1, UIPort: 1}) // wishes of a guest do not count
	before := guest.Address()
	require.NoError(t, host.Close())
	require.NoError(t, host.Err())
	until(t, "the guest hosts", guest.Hosting)

	after := guest.Address()
	require.NotEqual(t, before.PID, after.PID)
	before.PID = after.PID
	require.Equal(t, before, after)
	require.Equal(t, after.PID, processID(t, guest))
	require.NoError(t, guest.Close())
	requireEngineGone(t, data)
}

func TestGuestTakesOverFromAHostThatIsKilled(t *testing.T) {
	data, binary := t.TempDir(), fakeBinary(t)
	host := startHost(t, data, binary, true)
	first := join(t, Options{Data: data, Binary: binary})
	second := join(t, Options{Data: data, Binary: binary})
	require.Equal(t, host.address, first.Address())
	host.kill()
	until(t, "one of the guests hosts", func() bool { return first.Hosting() || second.Hosting() })
	require.False(t, first.Hosting() && second.Hosting())
	until(t, "both know the new engine", func() bool {
		return first.Address().PID != host.address.PID && first.Address() == second.Address()
	})
	require.Equal(t, host.address.Temporal, first.Address().Temporal)
	require.Equal(t, processID(t, first), processID(t, second))
}

func TestNoEngineSurvivesItsHost(t *testing.T) {
	data := t.TempDir()
	host := startHost(t, data, fakeBinary(t), true)
	host.kill()
	requireEngineGone(t, data)
	_, ok := running(t.Context(), folder(data), answersTCP)
	require.False(t, ok)
}

func TestEngineHoldsNoOutputOfItsHost(t *testing.T) {
	data := t.TempDir()
	behave(t, data, behaviour{Mode: modeDeaf})
	host := startHost(t, data, fakeBinary(t), true)
	require.Positive(t, host.address.PID)
	t.Cleanup(func() { _ = syscall.Kill(host.address.PID, syscall.SIGKILL) })
	require.NoError(t, host.cmd.Process.Kill())
	rest, err := io.ReadAll(host.stdout) // would wait for a second holder
	require.NoError(t, err)
	require.Empty(t, rest)
	require.NoError(t, syscall.Kill(host.address.PID, 0), "the engine was to be alive until here")
}

func TestStaleAddressIsNotBelieved(t *testing.T) {
	data := t.TempDir()
	other, err := net.Listen("tcp", onLoopback(0)) // another program, on what was the engine's port
	require.NoError(t, err)
	defer func() { _ = other.Close() }()
	stale := Address{Temporal: other.Addr().String(), Namespace: "default", Front: "http://" + other.Addr().String(), PID: 1}
	require.NoError(t, folder(data).write(record{Address: stale, Host: 1, Ready: true}))
	_, ok := running(t.Context(), folder(data), answersTCP)
	require.False(t, ok, "nobody holds the lock")

	waits := fakeTempo()
	waits.port = time.Millisecond
	m := join(t, Options{Data: data, tempo: waits, Front: nothing()})
	require.True(t, m.Hosting())
	require.NotEqual(t, stale.Temporal, m.Address().Temporal)
	require.NotEqual(t, stale.Front, m.Address().Front)
	require.Equal(t, m.Address().PID, processID(t, m))
}

func TestAddressThatDoesNotAnswerIsNotBelieved(t *testing.T) {
	data := t.TempDir()
	lock := flock.New(folder(data).hostLock())
	require.NoError(t, lock.Lock())
	nobody, err := net.Listen("tcp", onLoopback(0))
	require.NoError(t, err)
	require.NoError(t, nobody.Close())
	require.NoError(t, folder(data).write(record{Address: Address{Temporal: nobody.Addr().String()}, Host: 4711, Ready: true}))
	_, ok := running(t.Context(), folder(data), answersTCP)
	require.False(t, ok)

	waits := fakeTempo()
	waits.join = 50 * time.Millisecond
	_, err = tryJoin(t, Options{Data: data, tempo: waits})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "in process 4711")

	require.NoError(t, folder(data).write(record{Host: 4711, Error: "the disk is full"}))
	_, err = tryJoin(t, Options{Data: data, tempo: waits})
	require.ErrorContains(t, err, "the process says: the disk is full")
	require.NoError(t, lock.Unlock())
}

func TestRunningMakesNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	_, ok := Running(t.Context(), data)
	require.False(t, ok)
	require.NoDirExists(t, data)
	require.NoError(t, os.Mkdir(data, 0o700))
	_, ok = Running(t.Context(), data)
	require.False(t, ok)
	entries, err := os.ReadDir(data)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestPortsAreThoseOfTheLastTime(t *testing.T) {
	data := t.TempDir()
	first := join(t, Options{Data: data, Front: nothing()})
	before := first.Address()
	require.NoError(t, first.Close())
	second := join(t, Options{Data: data, Front: nothing()})
	after := second.Address()
	require.NotEqual(t, before.PID, after.PID)
	before.PID = after.PID
	require.Equal(t, before, after)
}

func TestCloseEndsTheEngine(t *testing.T) {
	for name, how := range map[string]behaviour{
		"that ends with its standard input": {},
		"that does not":                     {Mode: modeDeaf},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			behave(t, data, how)
			waits := fakeTempo()
			if how.Mode == modeDeaf {
				waits.stop = 10 * time.Millisecond
			}
			m := join(t, Options{Data: data, tempo: waits})
			require.NoError(t, m.Close())
			requireEngineGone(t, data)
			require.False(t, folder(data).hosted())
			require.False(t, m.Hosting())
			require.NoError(t, m.Err())
			require.NoError(t, m.Close(), "a second time")
			_, err := m.Dial(t.Context(), "")
			require.ErrorIs(t, err, net.ErrClosed)
		})
	}
}

func TestCloseOfAGuestLeavesTheEngineAlone(t *testing.T) {
	data := t.TempDir()
	host := join(t, Options{Data: data})
	guest := join(t, Options{Data: data})
	require.NoError(t, guest.Close())
	require.NoError(t, guest.Err())
	require.Equal(t, host.Address().PID, processID(t, host))
}

func TestEngineIsTold(t *testing.T) {
	t.Setenv("TRUSTANA_API_KEY", "secret")
	t.Setenv("TZ", "UTC")
	data := t.TempDir()
	var at string
	var ui Backend
	m := join(t, Options{Data: data, Retention: 48 * time.Hour, Front: &Front{
		UIPath: "/ui", Codec: "/decoder",
		Handler: func(url string, b Backend) (http.Handler, error) {
			at, ui = url, b
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the front") }), nil
		},
	}})
	require.Equal(t, m.Address().Front, at)
	require.Equal(t, m.Token(), ui.Token)
	conn, err := ui.Dial(t.Context(), "tcp", strings.TrimPrefix(ui.URL, "http://"))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	response, err := http.Get(at)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "the front", string(body))

	told := starts(t, data)[0]
	require.Contains(t, strings.Join(told.Args, " "), "--retention 48h0m0s --ui-port "+strconv.Itoa(portOf(ui.URL))+" --ui-path /ui --codec-endpoint /decoder")
	require.Contains(t, told.Env, "TZ=UTC")
	require.NotContains(t, strings.Join(told.Env, "\n"), "secret")

	require.NoError(t, m.Close())
	_, err = http.Get(at)
	require.Error(t, err)
}

// nothing is a front that serves nothing.
func nothing() *Front {
	return &Front{UIPath: "/ui", Codec: "/codec", Handler: func(string, Backend) (http.Handler, error) { return http.NotFoundHandler(), nil }}
}

// Who has taken the port of an engine that is gone is told no token.
func TestAStrangerOnTheEnginesPortIsNotConnectedTo(t *testing.T) {
	m := join(t, Options{Data: t.TempDir()})
	stranger, err := net.Listen("tcp", onLoopback(0)) // of this process, which is not the engine
	require.NoError(t, err)
	defer func() { _ = stranger.Close() }()
	_, err = dialProcess(t.Context(), stranger.Addr().String(), m.Address().PID)
	require.ErrorContains(t, err, "does not belong to the engine")
	_, err = dialProcess(t.Context(), stranger.Addr().String(), os.Getpid())
	require.NoError(t, err)

	gone := m.Address()
	gone.Temporal = stranger.Addr().String()
	m.publish(gone, true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = m.Dial(ctx, "")
	require.Error(t, err)
}

func TestTheTokenIsForTheAddressThatTheEngineAnnouncedAlone(t *testing.T) {
	data := t.TempDir()
	m := join(t, Options{Data: data})
	require.NoError(t, os.Chmod(data, 0o700))
	port := portOf(m.Address().Temporal)
	for address, want := range map[string]bool{
		m.Address().Temporal: true, "localhost:" + strconv.Itoa(port): true, "[::1]:" + strconv.Itoa(port): true,
		onLoopback(port + 1): false, "temporal.example.com:" + strconv.Itoa(port): false, "192.168.1.5:" + strconv.Itoa(port): false, "nonsense": false,
	} {
		require.Equal(t, want, sameAddress(m.Address().Temporal, address), address)
	}
	_, _, ok := Credentials(t.Context(), t.TempDir(), m.Address().Temporal)
	require.False(t, ok, "no engine runs on that folder")
}

func TestDataFolderIsMadeForItsOwnerAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "a", "b")
	join(t, Options{Data: data})
	for path, want := range map[string]os.FileMode{"": 0o700, "engine.json": 0o600, "engine.log": 0o600, "host.lock": 0o600} {
		info, err := os.Stat(filepath.Join(data, path))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), path)
	}
	text, err := os.ReadFile(filepath.Join(data, "engine.json"))
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	require.Equal(t, true, fields["ready"])
	require.Equal(t, float64(os.Getpid()), fields["host_pid"])
}

func TestWantedPortsOfAGuestDrawAWarning(t *testing.T) {
	data := t.TempDir()
	join(t, Options{Data: data})
	logs, seen := observer.New(zap.WarnLevel)
	join(t, Options{Data: data, Port: 1, Log: zap.New(logs)})
	require.Equal(t, 1, seen.FilterMessage("the engine is already running, on other ports than you asked for").Len())
}

func TestCompact(t *testing.T) {
	data := t.TempDir()
	opts := Options{Data: data, Binary: fakeBinary(t)}
	result, err := Compact(t.Context(), opts)
	require.NoError(t, err)
	require.Equal(t, Compaction{Before: 200, After: 100}, result)

	behave(t, data, behaviour{Mode: modeError, Text: "disk is full"})
	_, err = Compact(t.Context(), opts)
	require.ErrorContains(t, err, "exit status 1: disk is full")

	behave(t, data, behaviour{})
	join(t, Options{Data: data})
	_, err = Compact(t.Context(), opts)
	require.ErrorContains(t, err, "an engine is running on data folder")
}

package enginehost

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"
)

// The test binary is three programs: the tests; called by the engine's name, an
// engine that serves nothing but its process ID; and with hostVariable set, a
// process that joins and waits to be killed.
func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) == "mediaferry-engine":
		// Not os.Exit, which under the race detector takes a second.
		syscall.Exit(fakeEngine(os.Args[1:]))
	case os.Getenv(hostVariable) != "":
		os.Exit(hostProcess(os.Args[1], os.Getenv(hostVariable)))
	}
	os.Exit(m.Run())
}

// behaviour is what a fake engine does. It reads it from the data folder.
type behaviour struct {
	Mode   string `json:"mode"`
	Text   string `json:"text"`
	Reason string `json:"reason"`
	Times  int    `json:"times"` // after so many starts the mode is over; 0: never
}

const (
	modeError = "error" // says Text and ends
	modeMute  = "mute"  // writes Text to its log and ends
	modeHang  = "hang"  // never says a word
	modeDeaf  = "deaf"  // does not end with its host
	modeBrief = "brief" // serves, and ends at once
)

// started is what a fake engine notes of a start.
type started struct {
	Args []string `json:"args"`
	Env  []string `json:"env"`
}

func fakeEngine(args []string) int {
	set := flag.NewFlagSet("", flag.PanicOnError)
	data := set.String("data", "", "")
	port := set.Int("port", 0, "")
	uiPort := set.Int("ui-port", 0, "")
	set.String("codec-endpoint", "", "")
	set.String("ui-path", "", "")
	set.Duration("retention", 0, "")
	set.Int("ready-fd", 0, "")
	compact := set.Bool("compact", false, "")
	_ = set.Parse(args)
	how := nextBehaviour(*data, started{Args: args, Env: os.Environ()})
	if *compact {
		return fakeCompaction(how)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	ready := os.NewFile(3, "ready")
	switch how.Mode {
	case modeError:
		return say(ready, failure{Error: how.Text, Reason: how.Reason})
	case modeMute:
		fmt.Fprintln(os.Stderr, how.Text)
		return 3
	case modeHang:
		<-gone
		return 0
	case modeDeaf:
		gone = nil
	}
	return fakeServe(*data, *port, *uiPort, how, ready, gone)
}

func fakeServe(data string, port, uiPort int, how behaviour, ready *os.File, gone <-chan struct{}) int {
	lock := flock.New(folder(data).engineLock())
	_ = os.MkdirAll(folder(data).engineDir(), 0o700)
	if err := lock.Lock(); err != nil {
		return say(ready, failure{Error: err.Error()})
	}
	defer func() { _ = lock.Unlock() }()
	for _, p := range []int{port, uiPort} {
		if p == 0 {
			continue // there is no web UI
		}
		listener, err := net.Listen("tcp", onLoopback(p))
		if err != nil {
			return say(ready, failure{Error: err.Error(), Reason: reasonPort})
		}
		go serveProcessID(listener)
	}
	address := Address{Temporal: onLoopback(port), Namespace: "default", PID: os.Getpid()}
	if say(ready, address); how.Mode == modeBrief {
		return 4
	}
	<-gone
	return 0
}

func serveProcessID(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(conn, os.Getpid())
	}
}

// failure is the line of an engine that cannot serve.
type failure struct {
	Error  string `json:"error"`
	Reason string `json:"reason"`
}

func say(ready *os.File, line any) int {
	_ = json.NewEncoder(ready).Encode(line)
	_ = ready.Close()
	return 1
}

func fakeCompaction(how behaviour) int {
	if how.Mode == modeError {
		fmt.Fprintln(os.Stderr, "mediaferry-engine: "+how.Text)
		return 1
	}
	fmt.Println(`{"before":200,"after":100}`)
	return 0
}

// nextBehaviour notes this start and returns what to do in it.
func nextBehaviour(data string, now started) behaviour {
	notes, err := os.OpenFile(startsFile(data), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_ = json.NewEncoder(notes).Encode(now)
		_ = notes.Close()
	}
	var how behaviour
	text, err := os.ReadFile(filepath.Join(data, "fake.json"))
	if err != nil || json.Unmarshal(text, &how) != nil {
		return behaviour{}
	}
	if how.Times > 0 && countStarts(data) > how.Times {
		return behaviour{}
	}
	return how
}

func startsFile(data string) string { return filepath.Join(data, "fake.starts") }

func countStarts(data string) int {
	text, _ := os.ReadFile(startsFile(data)) // missing: no start yet
	return strings.Count(string(text), "\n")
}

// starts returns what the fake engines of a folder have noted.
func starts(t *testing.T, data string) []started {
	t.Helper()
	file, err := os.Open(startsFile(data))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	var all []started
	for decoder := json.NewDecoder(file); ; {
		var one started
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, one)
	}
}

func behave(t *testing.T, data string, how behaviour) {
	t.Helper()
	text, err := json.Marshal(how)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(data, "fake.json"), text, 0o600))
}

// fakeBinary is a program that behaves as an engine, by the engine's name.
func fakeBinary(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "mediaferry-engine")
	require.NoError(t, os.Symlink(self, path))
	return path
}

// fakeTempo waits for little, except where a machine under load needs it.
func fakeTempo() tempo {
	return tempo{
		poll: 5 * time.Millisecond, join: time.Minute, lock: time.Minute, start: time.Minute, stop: time.Minute,
		port: 10 * time.Second, steady: time.Hour,
		restarts: []time.Duration{0, 0, 0},
		answers:  answersTCP,
	}
}

func answersTCP(ctx context.Context, a Address) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", a.Temporal)
	if err != nil {
		return err
	}
	return conn.Close()
}

package enginehost

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestAFailedStartIsOneClearError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, c := range map[string]struct {
		opts Options
		how  behaviour
		want []string
	}{
		"the program is missing":           {opts: Options{Binary: "/no/such/engine"}, want: []string{`"/no/such/engine"`, "make build"}},
		"the program is a folder":          {opts: Options{Binary: "/"}, want: []string{`"/"`, "it is a folder"}},
		"the program is none":              {opts: Options{Binary: file}, want: []string{"cannot be started", "permission denied"}},
		"the data folder is a file":        {opts: Options{Data: file}, want: []string{"cannot be used", "not a directory"}},
		"the engine says why":              {how: behaviour{Mode: modeError, Text: "the stars are wrong"}, want: []string{"engine: the stars are wrong"}},
		"the engine logs why":              {how: behaviour{Mode: modeMute, Text: `{"level":"fatal","msg":"cannot listen","error":"port taken"}`}, want: []string{"exit status 3", "cannot listen: port taken", "engine.log"}},
		"the engine crashes":               {how: behaviour{Mode: modeMute, Text: "panic: ouch\n\ngoroutine 1 [running]:"}, want: []string{"exit status 3", "panic: ouch"}},
		"the engine is silent":             {how: behaviour{Mode: modeMute}, want: []string{"engine ended (exit status 3); see"}},
		"the engine does not become ready": {opts: Options{tempo: hasty()}, how: behaviour{Mode: modeHang}, want: []string{"not ready within 50ms", "engine.log"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.opts.Data == "" {
				c.opts.Data = t.TempDir()
				behave(t, c.opts.Data, c.how)
			}
			_, err := tryJoin(t, c.opts)
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.False(t, folder(c.opts.Data).hosted(), "the lock must be free again")
		})
	}
}

func hasty() tempo {
	t := fakeTempo()
	t.start = 50 * time.Millisecond
	return t
}

func TestNoDataFolderIsAnError(t *testing.T) {
	_, err := tryJoin(t, Options{})
	require.ErrorContains(t, err, "the data folder is missing")
}

func TestBinaryIsLookedForBesideTheProgram(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	_, err = Options{}.binary()
	require.ErrorContains(t, err, filepath.Join(filepath.Dir(self), "mediaferry-engine"))
}

func TestPortAskedForByNameIsKeptToOrAnError(t *testing.T) {
	taken, err := net.Listen("tcp", onLoopback(0))
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	port := taken.Addr().(*net.TCPAddr).Port
	data := t.TempDir()
	_, err = tryJoin(t, Options{Data: data, Port: port})
	require.ErrorContains(t, err, "address already in use")
	_, err = tryJoin(t, Options{Data: data, UIPort: port, Front: nothing()})
	require.ErrorContains(t, err, "address already in use")

	free, err := choose(t.Context(), 0, fakeTempo())
	require.NoError(t, err)
	freeUI, err := choose(t.Context(), 0, fakeTempo())
	require.NoError(t, err)
	m := join(t, Options{Data: data, Port: free, UIPort: freeUI, Front: nothing()})
	require.Equal(t, onLoopback(free), m.Address().Temporal)
	require.Equal(t, "http://"+onLoopback(freeUI), m.Address().Front)
}

func TestPortLostOnTheWayIsReplaced(t *testing.T) {
	data := t.TempDir()
	behave(t, data, behaviour{Mode: modeError, Text: "port taken", Reason: reasonPort, Times: 1})
	m := join(t, Options{Data: data})
	require.Equal(t, m.Address().PID, processID(t, m))
	require.Len(t, starts(t, data), 2)
}

func TestEngineThatDiesIsReplaced(t *testing.T) {
	data := t.TempDir()
	logs, seen := observer.New(zap.InfoLevel)
	m := join(t, Options{Data: data, Log: zap.New(logs)})
	guest := join(t, Options{Data: data})
	before := m.Address()
	dead := killEngine(t, m)
	until(t, "there is another engine", func() bool { return m.Address().PID != dead })
	require.Equal(t, before.Temporal, m.Address().Temporal)
	require.True(t, m.Hosting())
	require.Equal(t, m.Address().PID, processID(t, m))
	until(t, "the guest knows it", func() bool { return guest.Address() == m.Address() })
	ended := seen.FilterMessage("the engine ended unexpectedly; starting another one").All()
	require.Len(t, ended, 1)
	require.Contains(t, ended[0].ContextMap()["error"], "signal: killed")
}

func TestEngineThatDoesNotComeBackIsGivenUp(t *testing.T) {
	data := t.TempDir()
	m := join(t, Options{Data: data})
	behave(t, data, behaviour{Mode: modeError, Text: "the disk is full"})
	killEngine(t, m)
	<-m.Done()
	require.ErrorContains(t, m.Err(), "running: engine: the disk is full")
	require.False(t, m.Hosting())
	_, err := m.Dial(t.Context(), "")
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorContains(t, err, "the disk is full")
	require.False(t, folder(data).hosted(), "another process may try")
	require.Len(t, starts(t, data), 1+len(fakeTempo().restarts))
}

func TestEngineThatStartsAndDiesInTurnsIsGivenUp(t *testing.T) {
	data := t.TempDir()
	behave(t, data, behaviour{Mode: modeBrief})
	m := join(t, Options{Data: data})
	<-m.Done()
	require.ErrorContains(t, m.Err(), "exit status 4")
}

func TestGuestThatCannotTakeOverSaysSo(t *testing.T) {
	data := t.TempDir()
	host := join(t, Options{Data: data})
	guest := join(t, Options{Data: data, Binary: "/no/such/engine"})
	require.NoError(t, host.Close())
	<-guest.Done()
	require.ErrorContains(t, guest.Err(), `"/no/such/engine"`)
}

func TestDialWaitsForAnEngine(t *testing.T) {
	data := t.TempDir()
	m := join(t, Options{Data: data})
	behave(t, data, behaviour{Mode: modeHang})
	killEngine(t, m)
	until(t, "the next engine hangs", func() bool { return countStarts(data) == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := m.Dial(ctx, "")
	require.Error(t, err)
}

func TestJoinEndsWithItsContext(t *testing.T) {
	data := t.TempDir()
	behave(t, data, behaviour{Mode: modeHang})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opts := Options{Data: data, Binary: fakeBinary(t), tempo: fakeTempo()}
	ended := make(chan error)
	go func() {
		_, err := Join(ctx, opts)
		ended <- err
	}()
	until(t, "the engine hangs", func() bool { return countStarts(data) == 1 })
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.False(t, folder(data).hosted())
}

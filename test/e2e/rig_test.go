//go:build kills || bench

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// longWait bounds a wait for what takes as long as a film does.
const longWait = 30 * time.Minute

// rig is a fleet of one worker, whose engine, sandbox and worker are processes of
// their own that can be killed, stopped and cut off.
type rig struct {
	fleet
	host    *process // hosts the engine
	hostEnv []string
	worker  *process
	flags   []string // of the worker
	vendor  *wire    // between the worker and the sandbox; nil where there is none
	engine  *wire    // between the worker and the engine; likewise
	boxPID  int
}

// newRig starts all but the worker, with wires that count and can be cut.
func newRig(t *testing.T) *rig {
	t.Helper()
	return assemble(t, true, "--host", "127.0.0.2")
}

// newBench starts all but the worker, with nothing between them. Flags are those
// of the box.
func newBench(t *testing.T, flags ...string) *rig {
	t.Helper()
	return assemble(t, false, flags...)
}

func assemble(t *testing.T, wired bool, flags ...string) *rig {
	t.Helper()
	p := newPlace(t)
	r := &rig{fleet: fleet{place: p}}
	postgres := ledgertest.Postgres(t)
	config, address := r.startBox(flags)
	r.hostEnv = slices.Concat(p.env, []string{"MEDIAFERRY_CONFIG=" + config})
	r.startHost()
	temporal := r.service.Temporal
	if wired {
		_, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		r.vendor = newWire(t, "127.0.0.2:"+port, address)
		r.engine = newWire(t, "127.0.0.1:0", temporal)
		temporal = r.engine.address()
	}
	key, err := codec.GenerateKey()
	require.NoError(t, err)
	accounts, err := os.ReadFile(config)
	require.NoError(t, err)
	file := filepath.Join(p.dir, "mediaferry.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(accounts, "sources: {local_roots: [%q]}\nledger: %q\nresults: %q\nencryption: {key: \"${MEDIAFERRY_KEY}\"}\n", p.media, postgres, filepath.Join(p.dir, "results")), 0o600))
	service := r.service
	service.Temporal = temporal
	p.env = append(p.env, service.environment(t)...)
	p.env = append(p.env, "MEDIAFERRY_KEY="+key, "MEDIAFERRY_CONFIG="+file, "MEDIAFERRY_DATA="+filepath.Join(p.dir, "client"))
	return r
}

// startBox starts the sandbox, and returns where it listens: what it hands out may
// lead elsewhere.
func (r *rig) startBox(flags []string) (config, address string) {
	r.t.Helper()
	dir := filepath.Join(r.dir, "box")
	if memory := "/dev/shm"; os.Getenv("BENCH_MEMORY") != "off" && keepsAttributes(memory) {
		made, err := os.MkdirTemp(memory, "mediaferry-box-")
		require.NoError(r.t, err)
		r.t.Cleanup(func() { _ = os.RemoveAll(made) })
		dir = made
	}
	program := filepath.Join(r.dir, "box-program")
	said, err := exec.Command("go", "build", "-o", program, "../bench/box").CombinedOutput()
	require.NoError(r.t, err, string(said))
	bin := r.bin
	r.bin = r.dir
	s := r.start("box-program", append([]string{"--dir", dir}, flags...)...)
	r.bin = bin
	var line struct{ Sandbox, Address, Config string }
	s.object(&line)
	r.box, r.boxPID = control{r.t, "http://" + line.Address, ""}, s.cmd.Process.Pid
	return line.Config, line.Address
}

// keepsAttributes reports whether a folder's files can have the attributes that
// the S3 gateway keeps beside them.
func keepsAttributes(folder string) bool {
	file, err := os.CreateTemp(folder, "mediaferry-")
	if err != nil {
		return false
	}
	defer func() { _ = os.Remove(file.Name()) }()
	defer func() { _ = file.Close() }()
	return syscall.Setxattr(file.Name(), "user.mediaferry", []byte("x"), 0) == nil
}

// startHost starts what hosts the engine, at the address of the last time.
func (r *rig) startHost() {
	r.t.Helper()
	env := r.env
	r.env = r.hostEnv
	r.host, r.service = r.up("--no-worker")
	r.env = env
}

// startWorker starts the worker and returns when that was.
func (r *rig) startWorker(flags ...string) time.Time {
	r.t.Helper()
	if len(flags) > 0 {
		r.flags = flags
	}
	at := time.Now()
	r.worker = r.fleet.worker(r.flags...)
	return at
}

// listen is where the worker serves its health.
func (r *rig) listen() string {
	r.t.Helper()
	for line := range strings.Lines(r.worker.stderr.String()) {
		var said struct{ Msg, Listen string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "ready" {
			return said.Listen
		}
	}
	r.t.Fatal("the worker has not said where it listens")
	return ""
}

// enginePID is the engine's own process.
func (r *rig) enginePID() int {
	r.t.Helper()
	until(r.t, "the engine runs", func() bool { return r.place.engine().PID != 0 && len(r.engines()) == 1 })
	return r.place.engine().PID
}

// put is a part on its way to the store, as the sandbox saw it.
type put struct {
	number          int
	began, answered time.Time
	status          int
	bytes           int64 // that arrived
}

// puts are the parts that the sandbox has seen, by when they began. Those that
// are under way are not among them.
func (r *rig) puts() (all []put) {
	r.t.Helper()
	for _, request := range r.requests() {
		if request.Call != "part" {
			continue
		}
		at, err := url.Parse(request.Path)
		require.NoError(r.t, err)
		number, err := strconv.Atoi(at.Query().Get("partNumber"))
		require.NoError(r.t, err, request.Path)
		all = append(all, put{number, request.Time, request.Answered, request.Status, request.BytesIn})
	}
	slices.SortFunc(all, func(a, b put) int { return a.began.Compare(b.began) })
	return all
}

// requests are those that TruVideo and its store have seen.
func (r *rig) requests() (all []sandbox.Request) {
	r.t.Helper()
	r.box.call(http.MethodGet, "requests?vendor=truvideo", nil, &all)
	return all
}

// calls counts the requests of a call with a status; 0 stands for any.
func (r *rig) calls(call string, status int) (n int) {
	r.t.Helper()
	for _, request := range r.requests() {
		if request.Call == call && (status == 0 || request.Status == status) {
			n++
		}
	}
	return n
}

// stored is how many bytes of different parts the store has acknowledged.
func (r *rig) stored() (bytes int64) {
	r.t.Helper()
	seen := map[int]bool{}
	for _, p := range r.puts() {
		if p.status == http.StatusOK && !seen[p.number] {
			seen[p.number] = true
			bytes += p.bytes
		}
	}
	return bytes
}

// begin starts the upload of a film and leaves it to the worker.
func (r *rig) begin(id, film string) string {
	r.t.Helper()
	r.do(sending("truvideo", id, film, "--detach")...)
	return "upload/truvideo/" + id
}

// finish waits for the end of an upload.
func (r *rig) finish(id string) upload.Result {
	r.t.Helper()
	s := r.start("mediaferry", "wait", "--json", id)
	select {
	case <-s.ended:
	case <-time.After(longWait):
		r.t.Fatalf("%s has not ended within %s: %s", id, longWait, s.stderr)
	}
	_, stdout := s.end()
	return result(r.t, stdout)
}

// pause waits for a time, for what happens meanwhile.
func (r *rig) pause(d time.Duration) {
	r.t.Helper()
	select {
	case <-time.After(d):
	case <-r.t.Context().Done():
		r.t.Fatal("the test has ended")
	}
}

// wait waits for something that may take as long as a film.
func (r *rig) wait(what string, holds func() bool) {
	r.t.Helper()
	late := time.Now().Add(longWait)
	for !holds() {
		require.Less(r.t, time.Now(), late, what)
		r.pause(20 * time.Millisecond)
	}
}

// length reads a size from the environment: 2GiB, 512MiB.
func length(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	number, unit := text, int64(1)
	for suffix, factor := range map[string]int64{"MiB": 1 << 20, "GiB": 1 << 30} {
		if cut, found := strings.CutSuffix(text, suffix); found {
			number, unit = cut, factor
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	require.NoError(t, err, "%s=%s, want such as 2GiB", name, text)
	return n * unit
}

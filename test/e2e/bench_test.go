//go:build bench

package e2e

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// What is wanted of a film's speed and of the worker's memory.
const (
	againstBare   = 0.9
	againstRclone = 1.5
	memoryMost    = 100 << 20 // above idle
)

// window is one run: how long it took, and what it cost its process.
type window struct {
	took   time.Duration
	cpu    time.Duration
	engine time.Duration // processor time of the engine meanwhile
	wide   float64       // parts in flight, on average
	gap    time.Duration // from the answer to a part until the next one begins
}

func (w window) rate(size int64) float64 { return float64(size) / (1 << 20) / w.took.Seconds() }

// TestSpeed sends a film with mediaferry, with a bare loop and with rclone in
// turns, to the same gateway, and compares. Whatever else the machine does meets
// all of them.
func TestSpeed(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newBench(t, "--skip-sha256")
	r.flags = []string{"--pprof"}
	size := length(t, "BENCH_SIZE", 2<<30)
	film := r.film("film.mp4", size)
	copier := rclone(t)
	r.startWorker()
	r.ours(film, 0) // everything has been touched once
	var ours, loop, copied []window
	for round := 1; round <= rounds(t); round++ {
		a, plan := r.ours(film, round)
		b := r.bareLoop(film, size, plan)
		c := r.copied(copier, film)
		says(t, "round %d: mediaferry %.0f, bare loop %.0f, rclone %.0f MiB/s", round, a.rate(size), b.rate(size), c.rate(size))
		ours, loop, copied = append(ours, a), append(loop, b), append(copied, c)
	}
	v.tells("mediaferry, MiB/s from the first byte to the 202 of complete", "%s", r.rates(ours, size))
	v.tells("a bare loop over the same parts with the same checksums", "%s", r.rates(loop, size))
	v.tells("rclone copyto, its process from start to end", "%s", r.rates(copied, size))
	toBare, toRclone := ratio(ours, loop), ratio(ours, copied)
	v.holds(toBare >= againstBare, "mediaferry to the bare loop, median of the pairs", fmt.Sprintf("%.2f", toBare), fmt.Sprint("at least ", againstBare))
	v.holds(toRclone >= againstRclone, "mediaferry to rclone, median of the pairs", fmt.Sprintf("%.2f", toRclone), fmt.Sprint("at least ", againstRclone))
	v.tells("parts in flight on average, mediaferry", "%s", widths(ours))
	v.tells("  and the bare loop", "%s", widths(loop))
	v.tells("CPU seconds of mediaferry-worker", "%s", costs(ours))
	v.tells("CPU seconds of the engine meanwhile", "%s", engines(ours))
	v.tells("CPU seconds of the bare loop", "%s", costs(loop))
	v.tells("CPU seconds of rclone", "%s", costs(copied))
}

func rounds(t *testing.T) int {
	t.Helper()
	n := 5
	if text := os.Getenv("BENCH_ROUNDS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err, "BENCH_ROUNDS")
	}
	return n
}

func (r *rig) rates(all []window, size int64) string {
	var out []int
	for _, w := range all {
		out = append(out, int(w.rate(size)))
	}
	return fmt.Sprint(out)
}

func costs(all []window) string {
	var out []string
	for _, w := range all {
		out = append(out, fmt.Sprintf("%.1f", w.cpu.Seconds()))
	}
	return strings.Join(out, " ")
}

func engines(all []window) string {
	var out []string
	for _, w := range all {
		out = append(out, fmt.Sprintf("%.1f", w.engine.Seconds()))
	}
	return strings.Join(out, " ")
}

func widths(all []window) string {
	var out []string
	for _, w := range all {
		out = append(out, fmt.Sprintf("%.1f (%s between two)", w.wide, w.gap.Round(100*time.Microsecond)))
	}
	return strings.Join(out, " ")
}

// ratio is how much faster a is than b: the median over pairs.
func ratio(a, b []window) float64 {
	var out []float64
	for i := range a {
		out = append(out, b[i].took.Seconds()/a[i].took.Seconds())
	}
	return median(out)
}

// ours uploads the film with mediaferry. It returns how it was cut, too.
func (r *rig) ours(film string, round int) (window, upload.Plan) {
	r.t.Helper()
	r.fresh()
	defer r.profile(round)()
	before, engine := cpuOf(r.t, r.worker.cmd.Process.Pid), cpuOf(r.t, r.enginePID())
	result := r.finish(r.begin(fmt.Sprint("film-", round), film))
	require.Equal(r.t, upload.StateReady, result.State)
	puts := r.puts()
	plan := upload.Plan{Size: int64(result.Size), PartSize: puts[0].bytes, Parts: len(puts)}
	return window{
		took: r.span(), cpu: cpuOf(r.t, r.worker.cmd.Process.Pid) - before,
		engine: cpuOf(r.t, r.enginePID()) - engine, wide: r.wide(), gap: r.gap(),
	}, plan
}

// wide is how many parts were in flight on average.
func (r *rig) wide() float64 {
	r.t.Helper()
	var all time.Duration
	for _, p := range r.puts() {
		all += p.answered.Sub(p.began)
	}
	return all.Seconds() / r.span().Seconds()
}

// gap is how long the place of a part is empty before the next one takes it: the
// median.
func (r *rig) gap() time.Duration {
	r.t.Helper()
	puts := r.puts()
	var free, taken []time.Time
	var waits []time.Duration
	for _, p := range puts {
		free, taken = append(free, p.answered), append(taken, p.began)
	}
	slices.SortFunc(free, time.Time.Compare)
	for i := loopWidth; i < len(taken); i++ {
		waits = append(waits, taken[i].Sub(free[i-loopWidth]))
	}
	return median(waits)
}

// profile writes down where the worker's processor time goes, where BENCH_PROFILE
// names a folder for that.
func (r *rig) profile(round int) (ended func()) {
	r.t.Helper()
	folder := os.Getenv("BENCH_PROFILE")
	if folder == "" {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		response, err := http.Get("http://" + r.listen() + "/debug/pprof/profile?seconds=8")
		if err != nil {
			return // the round ends without it
		}
		raw, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		_ = os.WriteFile(filepath.Join(folder, fmt.Sprintf("round-%d.pprof", round)), raw, 0o600)
	}()
	return func() { <-done }
}

// fresh makes the vendor forget what it has, so that every run meets the same.
func (r *rig) fresh() {
	r.t.Helper()
	r.box.call(http.MethodPost, "reset", nil, nil)
}

// span is from the first byte of the first part to the answer to complete.
func (r *rig) span() time.Duration {
	r.t.Helper()
	all := r.requests()
	done := slices.IndexFunc(all, func(q sandbox.Request) bool { return q.Call == "complete" && q.Status == http.StatusAccepted })
	require.NotEqual(r.t, -1, done, "complete was not answered")
	return all[done].Answered.Sub(r.puts()[0].began)
}

// loopWidth is how many parts are in flight at once: as many as mediaferry has
// with parts of 64 MiB.
const loopWidth = 4

func (r *rig) bareLoop(film string, size int64, plan upload.Plan) window {
	r.t.Helper()
	r.fresh()
	b := newBare(r.t, filepath.Join(r.dir, "mediaferry.yaml"), loopWidth)
	before := cpuOf(r.t, os.Getpid())
	b.send(film, size, plan.PartSize, loopWidth)
	return window{took: r.span(), cpu: cpuOf(r.t, os.Getpid()) - before, wide: r.wide(), gap: r.gap()}
}

// rclone is the path of rclone, which is built once and kept beside Go's own
// cache.
func rclone(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("BENCH_RCLONE"); named != "" {
		return named
	}
	program := filepath.Join(t.TempDir(), "rclone")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join("..", "bench", "rclone")
	says(t, "building rclone (some minutes the first time)")
	said, err := build.CombinedOutput()
	require.NoError(t, err, string(said))
	return program
}

// copied sends the film with rclone, with the flags that make it fastest.
func (r *rig) copied(program, film string) window {
	r.t.Helper()
	r.fresh()
	var sources map[string]sandbox.Source
	r.box.call(http.MethodGet, "sources", nil, &sources)
	s3 := sources["s3"]
	cmd := exec.CommandContext(r.t.Context(), program, "copyto", film, ":s3:"+s3.Bucket+"/film.mp4",
		"--config", os.DevNull, "--s3-provider", "Other", "--s3-endpoint", s3.Endpoint, "--s3-region", s3.Region, "--s3-force-path-style",
		"--s3-chunk-size", "32M", "--s3-upload-concurrency", "8", "--s3-upload-cutoff", "32M", "--s3-disable-checksum", "--s3-no-check-bucket",
		"--s3-no-head", "--no-check-dest", "--ignore-checksum", "--s3-use-multipart-etag=false", "--s3-use-unsigned-payload=true", "--retries", "1")
	cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true", "RCLONE_S3_ACCESS_KEY_ID="+s3.AccessKey, "RCLONE_S3_SECRET_ACCESS_KEY="+s3.SecretKey)
	began := time.Now()
	said, err := cmd.CombinedOutput()
	took := time.Since(began)
	require.NoError(r.t, err, string(said))
	return window{took: took, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

// cpuOf is the processor time of a process so far.
func cpuOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		skip(t, "processor time of another process is known on Linux only: "+err.Error())
	}
	_, rest, found := strings.Cut(string(raw), ") ")
	require.True(t, found)
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		require.NoError(t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// TestMemory sends a film that is larger than any memory, to a store that keeps
// nothing.
func TestMemory(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newBench(t, "--discard", "--skip-sha256")
	film := r.sparse("film.mp4", length(t, "BENCH_SOURCE", 20<<30))
	r.startWorker()
	r.pause(3 * time.Second) // what a start leaves is collected
	pid := r.worker.cmd.Process.Pid
	idle := anonymous(t, pid)
	id := r.begin("film", film)
	began, most, late := time.Now(), idle, time.Now()
	waiting := r.start("mediaferry", "wait", "--json", id)
	for ended := false; !ended; {
		most = max(most, anonymous(t, pid))
		select {
		case <-waiting.ended:
			ended = true
		case <-time.After(50 * time.Millisecond):
		}
		if time.Since(late) > time.Minute {
			late = time.Now()
			says(t, "%s stored, at most %s", mib(r.stored()), mib(most))
		}
	}
	_, stdout := waiting.end()
	result := result(t, stdout)
	v.holds(result.State == upload.StateReady, "end state", describeEnd(result), "ready")
	v.tells("took", "%s for %s", time.Since(began).Round(time.Second), mib(int64(result.Size)))
	v.tells("anonymous memory of mediaferry-worker, idle", "%s", mib(idle))
	v.holds(most-idle <= memoryMost, "  and above that, at most", mib(most-idle), "at most "+mib(memoryMost))
}

// sparse makes a film of any size that takes no room: a short one with an empty
// box behind it.
func (r *rig) sparse(name string, size int64) string {
	r.t.Helper()
	path := r.film(name, 1<<20)
	raw, err := os.ReadFile(path)
	require.NoError(r.t, err)
	room := size - int64(len(raw))
	head := binary.BigEndian.AppendUint64([]byte{0, 0, 0, 1, 'f', 'r', 'e', 'e'}, uint64(room))
	require.NoError(r.t, os.WriteFile(path, append(raw, head...), 0o600))
	require.NoError(r.t, os.Truncate(path, size))
	return path
}

var rssAnon = regexp.MustCompile(`RssAnon:\s+(\d+) kB`)

// anonymous is how much memory a process has for itself.
func anonymous(t *testing.T, pid int) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		skip(t, "memory of another process is known on Linux only: "+err.Error())
	}
	found := rssAnon.FindSubmatch(raw)
	require.NotNil(t, found)
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	require.NoError(t, err)
	return n << 10
}

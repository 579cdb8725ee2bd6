//go:build bench

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	rowsAgainstBare = 0.7
	eventsMost      = 0.5
	actionsMost     = 0.2
	imageSize       = 100_000
)

// newBatchBench starts the box and `mediaferry up`, which hosts the engine and
// does the work, with the ledger in a file of its own.
func newBatchBench(t *testing.T, flags ...string) *rig {
	t.Helper()
	r := &rig{fleet: fleet{place: newPlace(t)}}
	config, _ := r.startBox(flags)
	accounts, err := os.ReadFile(config)
	require.NoError(t, err)
	file := filepath.Join(r.dir, "mediaferry.yaml")
	require.NoError(t, os.WriteFile(file, []byte(unmetered(string(accounts))), 0o600))
	r.env = append(r.env, "MEDIAFERRY_CONFIG="+file)
	r.box.unlimited("300ms")
	r.host, r.service = r.up()
	return r
}

// thirds are so many rows over the three vendors that take packed ones.
func thirds(rows int) []share {
	return []share{{"trustana", rows - rows/3*2}, {"trustoo", rows / 3}, {"sitoo", rows / 3}}
}

// rate is images a second: from the first request to the end of the last row.
type rate struct {
	took, cpu, engine time.Duration
	rows              int

	// waits are how long trustana's media took from their last byte to the answer
	// that they are ready, in the order of their bytes; looks how often it was
	// asked for each.
	waits []time.Duration
	looks float64
}

func (r rate) perSecond() float64 { return float64(r.rows) / r.took.Seconds() }

// TestBatchSpeed sends a catalogue with mediaferry, with a bare loop that makes
// the same requests, and with rclone, in turns.
func TestBatchSpeed(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newBatchBench(t)
	rows, times := amount(t, "BENCH_IMAGES", 5000), amount(t, "BENCH_ROUNDS", 3)
	c := r.catalogue("speed", imageSize, thirds(rows)...)
	copier := rclone(t)
	r.batchOnce(c, 0) // everything has been touched once
	var ours, bare, copied []rate
	for round := 1; round <= times; round++ {
		ours = append(ours, r.batchOnce(c, round))
		bare = append(bare, r.bareRows(c))
		copied = append(copied, r.copiedRows(copier, c, round))
		says(t, "round %d: mediaferry %.0f, bare loop %.0f, rclone %.0f images/s", round, ours[round-1].perSecond(), bare[round-1].perSecond(), copied[round-1].perSecond())
	}
	v.tells("images and their size", "%d of %d bytes", rows, imageSize)
	v.tells("mediaferry, images/s from the first request to the last row's end", "%s", perSecond(ours))
	v.tells("a bare loop, images/s from the first request to the last answer", "%s", perSecond(bare))
	v.tells("rclone copyto, images/s, its process from start to end", "%s", perSecond(copied))
	toBare := ratioOf(ours, bare)
	v.holds(toBare >= rowsAgainstBare, "mediaferry to the bare loop, median of the pairs", fmt.Sprintf("%.2f", toBare), fmt.Sprint("at least ", rowsAgainstBare))
	v.tells("mediaferry to rclone, median of the pairs", "%.2f", ratioOf(ours, copied))
	v.tells("CPU seconds of mediaferry up (host and worker)", "%s", seconds(ours, func(r rate) time.Duration { return r.cpu }))
	v.tells("CPU seconds of the engine", "%s", seconds(ours, func(r rate) time.Duration { return r.engine }))
	v.tells("CPU seconds of the bare loop", "%s", seconds(bare, func(r rate) time.Duration { return r.cpu }))
	v.tells("CPU seconds of rclone", "%s", seconds(copied, func(r rate) time.Duration { return r.cpu }))
	tellLooks(v, ours[len(ours)-1])
	r.bills(v, batchName(times), rows)
}

func batchName(round int) string { return fmt.Sprintf("speed-%d", round) }

// bills tells what an undisturbed batch cost Temporal.
func (r *rig) bills(v *verdict, batch string, rows int) {
	r.t.Helper()
	packed, alone := billOf(r.t, stranger(r.t, r.service), batch)
	events, actions := float64(packed.events+alone.events)/float64(rows), float64(packed.total()+alone.total())/float64(rows)
	v.holds(events <= eventsMost, "events an image, rows in trouble included", fmt.Sprintf("%.3f", events), fmt.Sprint("at most ", eventsMost))
	v.holds(actions <= actionsMost, "actions an image, heartbeats at their most", fmt.Sprintf("%.3f", actions), fmt.Sprint("at most ", actionsMost))
	v.tells("  batch, dispatchers and shards", "%s", packed)
	v.tells("  rows on their own", "%s", alone)
}

func perSecond(all []rate) string {
	var out []string
	for _, r := range all {
		out = append(out, fmt.Sprintf("%.0f", r.perSecond()))
	}
	return strings.Join(out, " ")
}

func seconds(all []rate, of func(rate) time.Duration) string {
	var out []string
	for _, r := range all {
		out = append(out, fmt.Sprintf("%.1f", of(r).Seconds()))
	}
	return strings.Join(out, " ")
}

func ratioOf(a, b []rate) float64 {
	var out []float64
	for i := range a {
		out = append(out, a[i].perSecond()/b[i].perSecond())
	}
	return median(out)
}

// batchOnce sends the catalogue with mediaferry, as another batch.
func (r *rig) batchOnce(c catalogue, round int) rate {
	r.t.Helper()
	r.fresh()
	name := batchName(round)
	host, engine := cpuOf(r.t, r.host.cmd.Process.Pid), cpuOf(r.t, r.enginePID())
	r.await(r.start("mediaferry", "batch", "start", c.manifest, "--id", name, "--again", "--follow"))
	used := rate{rows: len(c.rows), cpu: cpuOf(r.t, r.host.cmd.Process.Pid) - host, engine: cpuOf(r.t, r.enginePID()) - engine}
	began, _ := r.requested()
	used.waits, used.looks = r.processed()
	var ended time.Time
	for _, line := range r.report(name) {
		require.Equal(r.t, upload.StateReady, line.State, "%s: %+v", line.Item, line.Error)
		if line.FinishedAt.After(ended) {
			ended = *line.FinishedAt
		}
	}
	used.took = ended.Sub(began)
	return used
}

// processed tells how trustana was asked what became of its media.
func (r *rig) processed() (waits []time.Duration, looks float64) {
	r.t.Helper()
	sent := map[string]time.Time{}
	asked := 0
	for _, q := range r.box.all() {
		switch {
		case q.Vendor != "trustana":
		case q.Call == "put":
			sent[q.Subject] = q.Answered
		case q.Call == "status":
			asked++
			if q.Status == http.StatusOK {
				waits = append(waits, q.Answered.Sub(sent[q.Subject]))
			}
		}
	}
	return waits, float64(asked) / float64(max(len(waits), 1))
}

// tellLooks tells whether media were asked for in time.
func tellLooks(v *verdict, r rate) {
	if tenth := len(r.waits) / 10; tenth > 0 {
		v.tells("looks at a medium of trustana, and the time from its last byte until seen ready, first and last tenth", "%.2f, %s and %s", r.looks,
			median(r.waits[:tenth]).Round(time.Millisecond), median(r.waits[len(r.waits)-tenth:]).Round(time.Millisecond))
	}
}

// await waits for a command that may take long, and must end well.
func (r *rig) await(s *process) (stdout string) {
	r.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(longWait):
		r.t.Fatalf("%s has not ended within %s: %s", s.name, longWait, s.stderr)
	}
	status, stdout := s.end()
	require.Zero(r.t, status, s.stderr)
	return stdout
}

// requested is when the first request came, and when the last was answered.
func (r *rig) requested() (began, ended time.Time) {
	r.t.Helper()
	all := r.box.all()
	require.NotEmpty(r.t, all)
	began = slices.MinFunc(all, func(a, b sandbox.Request) int { return a.Time.Compare(b.Time) }).Time
	ended = slices.MaxFunc(all, func(a, b sandbox.Request) int { return a.Answered.Compare(b.Answered) }).Answered
	return began, ended
}

// bareRows sends the catalogue with the loop, as a process of its own.
func (r *rig) bareRows(c catalogue) rate {
	r.t.Helper()
	r.fresh()
	task := bareTask{Config: filepath.Join(r.dir, "mediaferry.yaml"), Width: amount(r.t, "BENCH_WIDTH", 32), Look: 340 * time.Millisecond}
	for id, row := range c.rows {
		task.Rows = append(task.Rows, bareRow{Vendor: row.vendor, ID: id, Path: row.path})
	}
	slices.SortFunc(task.Rows, func(a, b bareRow) int { return strings.Compare(a.ID, b.ID) })
	raw, err := json.Marshal(task)
	require.NoError(r.t, err)
	file := filepath.Join(r.t.TempDir(), "task.json")
	require.NoError(r.t, os.WriteFile(file, raw, 0o600))
	self, err := os.Executable()
	require.NoError(r.t, err)
	cmd := exec.CommandContext(r.t.Context(), self, "-test.run", "^TestBareRows$")
	cmd.Env = append(os.Environ(), bareVariable+"="+file, "MEDIAFERRY_ENGINE=none") // it needs none of our programs
	said, err := cmd.CombinedOutput()
	require.NoError(r.t, err, string(said))
	began, ended := r.requested()
	require.Equal(r.t, len(c.rows), r.delivered(), "media that the loop delivered")
	return rate{took: ended.Sub(began), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), rows: len(c.rows)}
}

// delivered is how many media the vendors have.
func (r *rig) delivered() (n int) {
	r.t.Helper()
	for _, media := range visible(r.box.ledger()) {
		n += len(media)
	}
	return n
}

// copiedRows copies the same files to the same gateway with rclone, with the
// flags that make it fastest.
func (r *rig) copiedRows(program string, c catalogue, round int) rate {
	r.t.Helper()
	r.fresh()
	var all map[string]sandbox.Source
	r.box.call(http.MethodGet, "sources", nil, &all)
	s3 := all["s3"]
	cmd := exec.CommandContext(r.t.Context(), program, "copyto", strings.TrimSuffix(c.manifest, ".csv"), fmt.Sprintf(":s3:%s/round-%d", s3.Bucket, round),
		"--config", os.DevNull, "--s3-provider", "Other", "--s3-endpoint", s3.Endpoint, "--s3-region", s3.Region, "--s3-force-path-style",
		"--transfers", strconv.Itoa(amount(r.t, "BENCH_TRANSFERS", 32)), "--checkers", "32", "--no-traverse", "--no-check-dest", "--ignore-checksum",
		"--s3-no-check-bucket", "--s3-no-head", "--s3-use-multipart-etag=false", "--s3-use-unsigned-payload=true", "--s3-disable-checksum", "--retries", "1")
	cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true", "RCLONE_S3_ACCESS_KEY_ID="+s3.AccessKey, "RCLONE_S3_SECRET_ACCESS_KEY="+s3.SecretKey)
	began := time.Now()
	said, err := cmd.CombinedOutput()
	took := time.Since(began)
	require.NoError(r.t, err, string(said))
	return rate{took: took, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), rows: len(c.rows)}
}

// TestBatchProfile sends the catalogue with a worker of a fleet and its ledger in
// PostgreSQL, and tells where that worker's processor time goes.
func TestBatchProfile(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newBench(t)
	r.quicken()
	rows := amount(t, "BENCH_IMAGES", 5000)
	c := r.catalogue("speed", imageSize, thirds(rows)...)
	r.startWorker("--pprof")
	used := cpuOf(t, r.worker.cmd.Process.Pid)
	engine := cpuOf(t, r.enginePID())
	done := r.profiled("batch")
	r.await(r.start("mediaferry", "batch", "start", c.manifest, "--id", "speed", "--follow"))
	file := done()
	began, ended := r.requested()
	v.tells("images/s with a worker of its own and PostgreSQL", "%.0f", float64(rows)/ended.Sub(began).Seconds())
	v.tells("CPU seconds of mediaferry-worker", "%.1f", (cpuOf(t, r.worker.cmd.Process.Pid) - used).Seconds())
	v.tells("CPU seconds of the engine", "%.1f", (cpuOf(t, r.enginePID()) - engine).Seconds())
	r.bills(v, "speed", rows)
	said, err := exec.CommandContext(t.Context(), "go", "tool", "pprof", "-top", "-cum", "-nodecount", "45", file).CombinedOutput()
	require.NoError(t, err, string(said))
	_, _ = fmt.Fprintf(os.Stdout, "the profile is %s\n%s\n", file, said)
	said, err = exec.CommandContext(t.Context(), "go", "tool", "pprof", "-top", "-nodecount", "25", file).CombinedOutput()
	require.NoError(t, err, string(said))
	_, _ = fmt.Fprintf(os.Stdout, "%s\n", said)
}

// quicken makes the rig's accounts and its box quick.
func (r *rig) quicken() {
	r.t.Helper()
	file := filepath.Join(r.dir, "mediaferry.yaml")
	raw, err := os.ReadFile(file)
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(file, []byte(unmetered(string(raw))), 0o600))
	r.box.unlimited("300ms")
}

// profiled takes the worker's profile until ended is called, which returns where
// it is: in the folder that BENCH_PROFILE names, or else for as long as the test.
func (r *rig) profiled(name string) (ended func() string) {
	r.t.Helper()
	folder := os.Getenv("BENCH_PROFILE")
	if folder == "" {
		folder = r.t.TempDir()
	}
	file := filepath.Join(folder, name+".pprof")
	done := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + r.listen() + "/debug/pprof/profile?seconds=8")
		if err != nil {
			done <- err
			return
		}
		raw, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil && !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
			err = fmt.Errorf("the worker answered %q", raw)
		}
		if err == nil {
			err = os.WriteFile(file, raw, 0o600)
		}
		done <- err
	}()
	return func() string {
		require.NoError(r.t, <-done)
		return file
	}
}

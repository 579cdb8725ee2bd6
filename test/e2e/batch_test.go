package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// few is how many rows of one account a batch of these tests has under way, so
// that they know when nothing but what they hold is in flight.
const few = 4

// mixed is a catalogue to all five vendors, a film among it.
func (p *place) mixed() catalogue {
	p.t.Helper()
	c := p.catalogue("spring", 2000, share{"trustana", 60}, share{"trustoo", 45}, share{"sitoo", 40}, share{"closient", 4})
	c.add(p.t, "truvideo", "film", p.film("film.mp4", 20<<20))
	return c
}

// holdBytes lets some media arrive at each vendor that takes packed ones, and
// then answers no more. It returns when all that may be under way is held.
func (c control) holdBytes() {
	c.t.Helper()
	c.faults("trustana.put#21+=slow=10m", "trustoo.post#16+=slow=10m", "sitoo.post#16+=slow=10m")
}

// opened are how many sessions the vendors were asked for that open one for each
// medium.
func opened(requests []sandbox.Request) map[string]int {
	n := map[string]int{"trustana": 0, "sitoo": 0}
	for _, r := range requests {
		if r.Call == "prepare" || r.Call == "upload-url" {
			n[r.Vendor]++
		}
	}
	return n
}

// sentTo are how many different sessions of a vendor have got bytes.
func sentTo(requests []sandbox.Request, vendor, call string) int {
	seen := map[string]bool{}
	for _, r := range requests {
		if r.Vendor == vendor && r.Call == call {
			seen[r.Subject] = true
		}
	}
	return len(seen)
}

func starting(c catalogue, more ...string) []string {
	return append([]string{"batch", "start", c.manifest, "--in-flight", fmt.Sprint(few)}, more...)
}

// TestABatchOutlivesKill9OfEverything kills the one process that hosts the engine
// and does the work: in the middle of pages, and when all is sent.
func TestABatchOutlivesKill9OfEverything(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	p.quick(box, "300ms", "")
	c := p.mixed()
	box.holdBytes()
	first := p.start("mediaferry", starting(c, "--follow")...)
	box.hits(few)
	first.kill()
	p.noEngineIsLeft()
	before := opened(box.all())
	require.Less(t, before["trustana"], 60)
	require.Less(t, before["sitoo"], 40)

	box.faults("trustana.status=slow=10m", "sitoo.get=slow=10m")
	second := p.start("mediaferry", starting(c, "--follow")...)
	until(t, "all bytes are sent", func() bool {
		seen := box.all()
		return sentTo(seen, "trustana", "put") == 60 && sentTo(seen, "sitoo", "post") == 40
	})
	second.kill()
	p.noEngineIsLeft()

	box.faults()
	p.do(starting(c, "--follow")...)
	lines := p.report("spring")
	c.delivered(t, box, lines)
	box.content()
	require.Equal(t, map[string]int{"trustana": 60, "sitoo": 40}, opened(box.all()), "no session is opened for a row that has one")
	p.reported("spring", lines)

	requests := len(box.all())
	p.do(starting(c, "--follow")...)
	require.Len(t, box.all(), requests, "the same command sends nothing again")
	c.add(t, "trustoo", "late", p.file("mug.png"))
	status, _, stderr := p.run(starting(c, "--follow")...)
	require.Equal(t, 2, status)
	require.Contains(t, stderr, "with another manifest or an earlier version of this one")
	require.Len(t, box.all(), requests)
}

// reported makes sure that the files of a batch's report are there, and tell the
// same as what is printed.
func (p *place) reported(batch string, lines []upload.Result) {
	p.t.Helper()
	folder := filepath.Join(p.data, "results", batch)
	raw, err := os.ReadFile(filepath.Join(folder, "report.jsonl"))
	require.NoError(p.t, err)
	require.Equal(p.t, lines, results(p.t, string(raw)))
	file, err := os.Open(filepath.Join(folder, "report.csv"))
	require.NoError(p.t, err)
	defer func() { _ = file.Close() }()
	table, err := csv.NewReader(file).ReadAll()
	require.NoError(p.t, err)
	require.Len(p.t, table, len(lines)+1)
	for _, name := range []string{"report.html", "failed.csv"} {
		require.FileExists(p.t, filepath.Join(folder, name))
	}
}

// TestABatchOutlivesItsWorkerAndItsEngine kills a worker and the host of the
// engine, each by itself, while others of the fleet live on.
func TestABatchOutlivesItsWorkerAndItsEngine(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.quick(f.box, "300ms", f.shared())
	c := f.mixed()
	worker := f.worker()
	f.box.holdBytes()
	f.do(starting(c)...)
	f.box.hits(few)
	worker.kill()
	before := opened(f.box.all())

	f.box.faults("trustana.status=status=503", "sitoo.get=status=503")
	f.worker()
	watching := f.start("mediaferry", "batch", "watch", "spring")
	f.box.hits(1)
	f.restartHost()

	f.box.faults()
	status, stdout := watching.end()
	if status != 0 { // the engine was away: what counts is that the batch goes on
		stdout = f.do("batch", "watch", "spring")
	}
	require.Contains(t, stdout, "150 ready")
	lines := f.report("spring")
	c.delivered(t, f.box, lines)
	f.box.content()
	require.Equal(t, map[string]int{"trustana": 60, "sitoo": 40}, opened(f.box.all()), "no session is opened for a row that has one")
	require.Less(t, before["trustana"], 60)
}

// TestABatchCostsTemporalLittle looks at all histories of an undisturbed batch.
func TestABatchCostsTemporalLittle(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	p.quick(box, "300ms", "")
	_, at := p.up()
	c := p.catalogue("large", 1000, share{"trustana", 400}, share{"trustoo", 400}, share{"sitoo", 400})
	p.do("batch", "start", c.manifest, "--follow")
	c.delivered(t, box, p.report("large"))
	packed, alone := billOf(t, stranger(t, at), "large")
	t.Logf("%d packed rows: %s; %.3f events and %.3f actions a row", len(c.rows), packed,
		float64(packed.events)/float64(len(c.rows)), float64(packed.total())/float64(len(c.rows)))
	require.Zero(t, alone.workflows)
	require.LessOrEqual(t, packed.events*2, len(c.rows), "events: %s", packed)
	require.LessOrEqual(t, packed.total()*5, len(c.rows), "actions: %s", packed)
}

// numbers are what `batch status --json` prints.
type numbers struct {
	State                                                            upload.BatchState
	Paused                                                           bool
	Total, Waiting, InProgress, Ready, Failed, Canceled, Unconfirmed int64
}

func (p *place) numbers(batch string) (n numbers) {
	p.t.Helper()
	raw := []byte(strings.ReplaceAll(p.do("batch", "status", batch, "--json"), `"in_progress"`, `"inprogress"`))
	require.NoError(p.t, json.Unmarshal(raw, &n))
	return n
}

func TestABatchIsCanceledInTheMiddle(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	p.quick(box, "300ms", "")
	p.up()
	c := p.mixed()
	box.holdBytes()
	p.do(starting(c)...)
	box.hits(few)
	began := time.Now()
	p.do("batch", "cancel", "spring", "--because", "the wrong season")
	t.Logf("batch cancel took %s", time.Since(began).Round(time.Millisecond))

	n := p.numbers("spring")
	require.Equal(t, upload.BatchCanceled, n.State)
	require.Equal(t, numbers{State: n.State, Total: 150, Ready: n.Ready, Canceled: 150 - n.Ready}, n)
	lines := p.report("spring")
	p.reported("spring", lines)
	require.Len(t, lines, 150)
	has := visible(box.ledger())
	for _, line := range lines {
		require.NotNil(t, line.FinishedAt, line.Item)
		if line.State == upload.StateReady {
			row := c.rows[line.Item]
			require.Len(t, has[row.vendor][row.sum], 1, line.Item)
		}
	}
	box.content()

	// What was canceled is run after all, and what was delivered is left alone.
	box.faults()
	p.do("batch", "retry", "spring", "--follow")
	n = p.numbers("spring")
	require.Equal(t, numbers{State: upload.BatchCompleted, Total: 150, Ready: 150}, n)
}

func TestABatchIsPausedAndGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	p.quick(box, "300ms", "")
	_, at := p.up()
	c := p.mixed()
	box.faults("trustana.put#5+=slow=500ms", "trustoo.post#5+=slow=500ms", "sitoo.post#5+=slow=500ms")
	p.do(starting(c)...)
	box.hits(few)
	p.do("batch", "pause", "spring", "--because", "a sale")
	n := p.numbers("spring")
	require.True(t, n.Paused)
	require.Equal(t, upload.BatchRunning, n.State)
	require.Positive(t, n.Waiting+n.InProgress)

	who := stranger(t, at)
	// Between two steps of a row nothing runs either: only what stays so is rest.
	requests, same := 0, 0
	until(t, "nothing runs any more", func() bool {
		now := len(box.all())
		if now != requests || !resting(t, who) {
			requests, same = now, 0
		}
		same++
		return same > 50
	})
	n = p.numbers("spring")
	require.True(t, n.Paused)
	require.Less(t, n.Ready, int64(150))
	require.Len(t, box.all(), requests, "nothing is sent in a pause")

	box.faults()
	p.do("batch", "resume", "spring")
	p.do("batch", "watch", "spring")
	require.Equal(t, numbers{State: upload.BatchCompleted, Total: 150, Ready: 150}, p.numbers("spring"))
	c.delivered(t, box, p.report("spring"))
	box.content()
}

// resting reports whether no activity of any workflow runs.
func resting(t *testing.T, c client.Client) bool {
	t.Helper()
	for _, run := range runs(t, c) {
		found, err := c.DescribeWorkflowExecution(t.Context(), run[0], run[1])
		require.NoError(t, err)
		for _, a := range found.GetPendingActivities() {
			if a.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED {
				return false
			}
		}
	}
	return true
}

func TestOneKindOfFailureIsRunOnceMore(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	p.quick(box, "300ms", "")
	p.up()
	c := p.catalogue("autumn", 2000, share{"trustana", 60}, share{"sitoo", 30})
	require.NoError(t, os.Remove(c.rows["sitoo-7"].path))
	box.faults("trustana.prepare#11*10=status=422,message=no such product")
	status, _, _ := p.run("batch", "start", c.manifest, "--follow", "--skip-invalid")
	require.Equal(t, 3, status)
	require.Equal(t, numbers{State: upload.BatchCompleted, Total: 90, Ready: 79, Failed: 11}, p.numbers("autumn"))

	box.faults()
	prepares := opened(box.all())["trustana"]
	status, _, _ = p.run("batch", "retry", "autumn", "--kind", "rejected", "--follow")
	require.Equal(t, 3, status)
	require.Equal(t, prepares+10, opened(box.all())["trustana"], "what was delivered is left alone")
	for _, line := range p.report("autumn") {
		if line.Item == "sitoo-7" {
			require.Equal(t, upload.StateFailed, line.State)
			require.Equal(t, upload.KindInvalid, line.Error.Kind)
			continue
		}
		require.Equal(t, upload.StateReady, line.State, "%s: %+v", line.Item, line.Error)
	}
	require.Empty(t, box.ledger().Duplicates())
}

// shared is what a fleet's configuration has besides its accounts, as newFleet
// has put it down.
func (f fleet) shared() string {
	f.t.Helper()
	raw, err := os.ReadFile(filepath.Join(f.dir, "mediaferry.yaml"))
	require.NoError(f.t, err)
	_, rest, found := strings.Cut(string(raw), "\nsources:")
	require.True(f.t, found)
	return "\nsources:" + rest
}

// restartHost kills what hosts the engine, with the engine, and starts another
// one at the same address.
func (f fleet) restartHost() {
	f.t.Helper()
	require.NoError(f.t, syscall.Kill(f.engine().Host, syscall.SIGKILL))
	f.noEngineIsLeft()
	host := *f.place
	host.env = slices.DeleteFunc(slices.Clone(f.env), func(pair string) bool {
		return strings.HasPrefix(pair, "TEMPORAL_") || pair == "MEDIAFERRY_DATA="+filepath.Join(f.dir, "client")
	})
	_, again := host.up("--no-worker")
	require.Equal(f.t, f.service.Temporal, again.Temporal)
}

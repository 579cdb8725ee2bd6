//go:build bench

package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	steady     = 0.15 // by how much the last ten thousand rows may be slower than the first
	window10k  = 10_000
	statusMost = 200 * time.Millisecond
	growthMost = 64 << 20 // of a process's own memory, from the first tenth to the last
)

// TestBatchRows sends very many tiny images to a box that keeps nothing, and
// watches rate, memory and how soon `batch status` answers.
func TestBatchRows(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newBatchBench(t, "--discard", "--skip-sha256")
	rows := amount(t, "BENCH_ROWS", 100_000)
	manifest := r.linked("long", rows)
	began := time.Now()
	s := r.start("mediaferry", "batch", "start", manifest, "--follow")
	w := r.watch("long", s)
	status, _ := s.end()
	require.Zero(t, status, s.stderr)
	v.tells("rows, and how long all took", "%d, %s", rows, time.Since(began).Round(time.Second))
	ends := r.ends("long")
	v.holds(len(ends) == rows, "rows that are ready", fmt.Sprint(len(ends)), fmt.Sprint(rows))
	v.tells("from the first row's end to the last one's", "%s, %.0f rows/s", ends[len(ends)-1].Sub(ends[0]).Round(time.Second), float64(rows)/ends[len(ends)-1].Sub(ends[0]).Seconds())
	rates := byTenThousand(ends)
	first, last := rates[0], rates[len(rates)-1]
	v.holds(last >= first*(1-steady), "rows/s of the last ten thousand, to the first", fmt.Sprintf("%.0f to %.0f: %.2f", last, first, last/first), fmt.Sprint("at least ", 1-steady))
	v.tells("  each ten thousand, median of its thousands", "%.0f", rates)
	w.tell(v)
	r.bills(v, "long", rows)
}

// linked writes a manifest of so many rows. Their media are names of a few files:
// what counts is their number.
func (r *rig) linked(name string, rows int) string {
	r.t.Helper()
	const files, folder = 2000, 5000
	for i := range min(files, rows) {
		require.NoError(r.t, os.WriteFile(filepath.Join(r.media, fmt.Sprintf("tiny-%d.jpg", i)), picture(r.t, fmt.Sprint(i), 800), 0o600))
	}
	path := filepath.Join(r.media, name+".csv")
	out, err := os.Create(path)
	require.NoError(r.t, err)
	table := csv.NewWriter(out)
	require.NoError(r.t, table.Write(columns()))
	for i := range rows {
		at := filepath.Join(r.media, name, fmt.Sprint(i/folder), fmt.Sprintf("%d.jpg", i))
		if i%folder == 0 {
			require.NoError(r.t, os.MkdirAll(filepath.Dir(at), 0o700))
		}
		require.NoError(r.t, os.Link(filepath.Join(r.media, fmt.Sprintf("tiny-%d.jpg", i%files)), at))
		require.NoError(r.t, table.Write(rowOf([]string{"trustana", "trustoo", "sitoo"}[i%3], fmt.Sprint(i), at)))
	}
	table.Flush()
	require.NoError(r.t, table.Error())
	require.NoError(r.t, out.Close())
	return path
}

// lookout is what was seen while a batch ran.
type lookout struct {
	worker, command, engine []int64         // anonymous memory, in the order of time
	status, query           []time.Duration // as a command, and its questions to the ledger alone
	bare                    []time.Duration // a command that does nothing
}

// watch looks every second, until the command has ended.
func (r *rig) watch(batch string, command *process) *lookout {
	r.t.Helper()
	w := &lookout{}
	books := ledgertest.Open(r.t, filepath.Join(r.data, "ledger.db"), ledger.Options{})
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	late, said := time.Now().Add(6*time.Hour), time.Now()
	for {
		select {
		case <-command.ended:
			return w
		case <-tick.C:
		}
		require.Less(r.t, time.Now(), late, "the batch does not end")
		host, engine := r.host.cmd.Process.Pid, r.enginePID()
		w.worker, w.engine = append(w.worker, anonymous(r.t, host)), append(w.engine, anonymous(r.t, engine))
		if n, alive := stillThere(command.cmd.Process.Pid); alive {
			w.command = append(w.command, n)
		}
		at := time.Now()
		status, stdout, _ := r.run("batch", "status", batch, "--json")
		took := time.Since(at)
		if status != 0 {
			continue // its rows are being saved
		}
		w.status = append(w.status, took)
		at = time.Now()
		_, err := books.Summarize(r.t.Context(), batch)
		require.NoError(r.t, err)
		_, err = books.Ticks(r.t.Context(), batch, at.Add(-time.Minute))
		require.NoError(r.t, err)
		w.query = append(w.query, time.Since(at))
		at = time.Now()
		_, _, _ = r.run("--version")
		w.bare = append(w.bare, time.Since(at))
		if time.Since(said) > time.Minute {
			said = time.Now()
			says(r.t, "%.200s", stdout)
		}
	}
}

// stillThere is the anonymous memory of a process that may just have ended.
func stillThere(pid int) (bytes int64, alive bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	found := rssAnon.FindSubmatch(raw)
	if err != nil || found == nil {
		return 0, false
	}
	var kib int64
	_, err = fmt.Sscan(string(found[1]), &kib)
	return kib << 10, err == nil
}

func (w *lookout) tell(v *verdict) {
	for _, one := range []struct {
		who  string
		seen []int64
	}{{"mediaferry up (host and worker)", w.worker}, {"batch start --follow", w.command}} {
		if len(one.seen) < 20 {
			v.tells("anonymous memory of "+one.who, "too few looks: %d", len(one.seen))
			continue
		}
		tenth := len(one.seen) / 10
		early, late := median(one.seen[tenth:2*tenth]), median(one.seen[len(one.seen)-tenth:])
		v.holds(late-early <= growthMost, "anonymous memory of "+one.who+", second tenth and last", mib(early)+", "+mib(late), "at most "+mib(growthMost)+" more")
		v.tells("  at most", "%s", mib(slices.Max(one.seen)))
	}
	v.tells("anonymous memory of the engine, at most", "%s", mib(slices.Max(w.engine)))
	if len(w.status) == 0 {
		return
	}
	for _, all := range [][]time.Duration{w.status, w.query, w.bare} {
		slices.Sort(all)
	}
	v.holds(slices.Max(w.query) <= statusMost, "what batch status asks the ledger, at most", fmt.Sprint(slices.Max(w.query).Round(time.Millisecond)), fmt.Sprint("at most ", statusMost))
	v.tells("  median, 99 of 100", "%s", quantiles(w.query))
	v.holds(slices.Max(w.status) <= statusMost, "batch status as a command, at most", fmt.Sprint(slices.Max(w.status).Round(time.Millisecond)), fmt.Sprint("at most ", statusMost))
	v.tells("  median, 99 of 100, of so many", "%s, %d", quantiles(w.status), len(w.status))
	v.tells("  a command that does nothing meanwhile: median, 99 of 100, at most", "%s, %s", quantiles(w.bare), slices.Max(w.bare).Round(time.Millisecond))
}

func quantiles(sorted []time.Duration) string {
	return fmt.Sprintf("%s, %s", median(sorted).Round(time.Millisecond), sorted[len(sorted)*99/100].Round(time.Millisecond))
}

// ends are the times at which the rows that are ready ended, in order. The report
// is read a line at a time.
func (r *rig) ends(batch string) []time.Time {
	r.t.Helper()
	file := filepath.Join(r.data, "results", batch, "report.jsonl")
	in, err := os.Open(file)
	require.NoError(r.t, err)
	defer func() { _ = in.Close() }()
	decoder := json.NewDecoder(in)
	var ends []time.Time
	for decoder.More() {
		var line struct {
			State      upload.State `json:"state"`
			FinishedAt time.Time    `json:"finished_at"`
		}
		require.NoError(r.t, decoder.Decode(&line))
		if line.State == upload.StateReady {
			ends = append(ends, line.FinishedAt)
		}
	}
	require.NotEmpty(r.t, ends)
	slices.SortFunc(ends, time.Time.Compare)
	return ends
}

// byTenThousand are rates: of each ten thousand rows the median over its
// thousands.
func byTenThousand(ends []time.Time) (rates []float64) {
	const grain = 1000
	size := min(window10k, max(len(ends)/2, grain))
	for from := 0; from+size <= len(ends); from += size {
		var parts []float64
		for at := from; at+grain < min(from+size+1, len(ends)); at += grain {
			if took := ends[at+grain].Sub(ends[at]).Seconds(); took > 0 {
				parts = append(parts, grain/took)
			}
		}
		rates = append(rates, median(parts))
	}
	return rates
}

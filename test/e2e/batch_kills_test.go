//go:build kills

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	killedImage = 20_000
	batchKills  = 2  // of the engine
	widest      = 32 // rows of one account that a worker has in flight at most
)

// account changes the settings of one of the rig's accounts.
func (r *rig) account(vendor, lines string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "mediaferry.yaml")
	raw, err := os.ReadFile(file)
	require.NoError(r.t, err)
	text := strings.Replace(string(raw), "    vendor: "+vendor+"\n", "    vendor: "+vendor+"\n"+lines, 1)
	require.NotEqual(r.t, string(raw), text)
	require.NoError(r.t, os.WriteFile(file, []byte(text), 0o600))
}

// newBatchRig is a rig for batches: its box is without limits.
func newBatchRig(t *testing.T) *rig {
	t.Helper()
	r := newBench(t)
	r.box.unlimited("300ms")
	return r
}

// TestBatchKills sends a catalogue while its worker is killed every few seconds,
// and the engine twice.
func TestBatchKills(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newBatchRig(t)
	r.account("trustana", "    requests_per_second: 5000\n")
	rows := amount(t, "KILLS_ROWS", 5000)
	c := r.catalogue("killed", killedImage, share{"trustana", rows - rows/3*2}, share{"trustoo", rows / 3}, share{"sitoo", rows / 3})
	r.startWorker()
	began := time.Now()
	r.do("batch", "start", c.manifest, "--bwlimit", paced(int64(rows)*killedImage, time.Minute)) // or it would be over before it is killed
	workers, engines := r.torment(r.start("mediaferry", "batch", "watch", "killed"))
	v.tells("took", "%s for %d images of %d bytes", time.Since(began).Round(time.Second), rows, killedImage)
	v.holds(workers > 0 && engines == batchKills, "kill -9 of the worker, and of the engine", fmt.Sprintf("%d, %d", workers, engines), fmt.Sprintf("some, %d", batchKills))
	r.audit(v, c)
	r.repetitions(v, c, workers)
	packed, alone := billOf(t, stranger(t, r.service), "killed")
	v.tells("batch, dispatchers and shards", "%s", packed)
	v.tells("rows on their own", "%s", alone)
}

// torment kills until the command that watches has ended.
func (r *rig) torment(watching *process) (workers, engines int) {
	r.t.Helper()
	every, late := span(r.t, "KILLS_EVERY", 10*time.Second), time.Now().Add(longWait)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-watching.ended:
			return workers, engines
		case <-tick.C:
		}
		require.Less(r.t, time.Now(), late, "the batch does not end: %s", watching.stderr)
		r.worker.kill()
		workers++
		if engines < batchKills {
			pid := r.enginePID()
			require.NoError(r.t, syscall.Kill(pid, syscall.SIGKILL))
			engines++
			r.wait("another engine", func() bool { return r.place.engine().PID != pid && r.place.engine().PID != 0 })
		}
		r.startWorker()
		said := strings.Split(strings.TrimSpace(watching.stderr.String()), "\n")
		for i := len(said) - 1; i >= 0; i-- {
			if strings.Contains(said[i], " rows,") {
				says(r.t, "killed the worker %d times, the engine %d times; %s", workers, engines, said[i])
				break
			}
		}
	}
}

// audit holds the report against the vendors' books.
func (r *rig) audit(v *verdict, c catalogue) {
	r.t.Helper()
	lines := r.report(strings.TrimSuffix(filepath.Base(c.manifest), ".csv"))
	has, seen := visible(r.box.ledger()), map[string]int{}
	ready, alone, wrong := 0, 0, []string{}
	for _, line := range lines {
		seen[line.Item]++
		row := c.rows[line.Item]
		media := has[row.vendor][row.sum]
		switch {
		case line.State == upload.StateReady && len(media) == 1 && media[0] == string(line.MediaID):
			ready++
		default:
			wrong = append(wrong, fmt.Sprintf("%s: %s with %d media", line.Item, describeEnd(line), len(media)))
		}
		if line.Way == upload.WayOwn {
			alone++
		}
	}
	v.holds(len(lines) == len(c.rows) && len(seen) == len(c.rows), "rows in the report, each once", fmt.Sprint(len(seen), " of ", len(lines)), fmt.Sprint(len(c.rows)))
	v.holds(ready == len(c.rows), "rows that are ready, with one medium and its ID", fmt.Sprint(ready, " ", wrong[:min(len(wrong), 5)]), fmt.Sprint(len(c.rows)))
	media := 0
	for _, of := range has {
		media += len(of)
	}
	v.holds(media == len(c.rows), "different media at the vendors", fmt.Sprint(media), fmt.Sprint(len(c.rows)))
	violations := r.box.ledger().Violations
	v.holds(len(violations) == 0, "complaints of the vendors", fmt.Sprint(len(violations), violations[:min(len(violations), 3)]), "0")
	v.tells("rows that travelled alone", "%d", alone)
}

// repetitions are the calls that were made again: no more than were in flight.
func (r *rig) repetitions(v *verdict, c catalogue, kills int) {
	r.t.Helper()
	all := r.box.all()
	calls := map[string]int{}
	for _, q := range all {
		calls[q.Vendor+"."+q.Call]++
	}
	rows := map[string]int{}
	for _, row := range c.rows {
		rows[row.vendor]++
	}
	for _, call := range []string{"trustana.prepare", "trustana.put", "trustoo.post", "sitoo.upload-url", "sitoo.post"} {
		vendor, _, _ := strings.Cut(call, ".")
		again, most := calls[call]-rows[vendor], kills*widest
		v.holds(again <= most, call+" made again", fmt.Sprint(again), fmt.Sprintf("at most %d: %d kills with %d in flight", most, kills, widest))
	}
}

// What an account with a limit may see, and how much slower another may be for it.
const (
	limitedRate = 5
	limitedMost = limitedRate*10 + limitedRate // in ten seconds, with a second's burst
	slowerMost  = 1.25
)

// TestBatchPace sends rows to an account that may make a few calls a second, and
// beside them to one without a limit, with three workers.
func TestBatchPace(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newBatchRig(t)
	r.account("trustana", fmt.Sprintf("    requests_per_second: %d\n", limitedRate))
	for range 3 {
		r.startWorker()
	}
	rows := amount(t, "PACE_ROWS", 900)
	alone := r.catalogue("alone", 2000, share{"sitoo", rows})
	beside := r.catalogue("beside", 2000, share{"sitoo", rows}, share{"trustana", 60})
	r.paced(alone, 0) // everything has been touched once
	var free, shared []time.Duration
	worst, refused := 0, 0
	for round := 1; round <= 3; round++ {
		first, _, _ := r.paced(alone, round)
		second, most, answers := r.paced(beside, round, "trustana.prepare#7*4=status=429,retry-after=1", "trustana.status#9*3=status=429,retry-after=2")
		free, shared = append(free, first), append(shared, second)
		worst, refused = max(worst, most), refused+answers
		says(t, "round %d: sitoo took %s alone and %s beside trustana, which saw %d calls in 10 s at most", round, first.Round(time.Millisecond), second.Round(time.Millisecond), most)
	}
	v.holds(worst <= limitedMost, "calls at the limited account in any 10 s, by three workers", fmt.Sprint(worst), fmt.Sprint("at most ", limitedMost))
	slower := median(shared).Seconds() / median(free).Seconds()
	v.holds(slower <= slowerMost, "time of the free account beside the limited one, to that without it", fmt.Sprintf("%.2f", slower), fmt.Sprint("at most ", slowerMost))
	v.holds(refused > 0, "answers 429", fmt.Sprint(refused), "some")
}

// paced runs a batch and returns how long sitoo was busy with it, how many calls
// trustana saw in ten seconds, and how many of them it answered with 429.
func (r *rig) paced(c catalogue, round int, faults ...string) (took time.Duration, most, refused int) {
	r.t.Helper()
	r.box.call(http.MethodPost, "reset", nil, nil)
	r.box.faults(faults...)
	id := fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(c.manifest), ".csv"), round)
	r.do("batch", "start", c.manifest, "--id", id, "--again")
	s := r.start("mediaferry", "batch", "watch", id)
	select {
	case <-s.ended:
	case <-time.After(longWait):
		r.t.Fatalf("%s does not end: %s", id, s.stderr)
	}
	for _, line := range r.report(id) {
		require.Equal(r.t, upload.StateReady, line.State, "%s: %+v", line.Item, line.Error)
		require.Equal(r.t, 1, line.Attempts.Prepare, "a 429 is no attempt")
	}
	var began, ended time.Time
	var limited []time.Time
	for _, q := range r.box.all() {
		switch {
		case q.Vendor == "sitoo" && began.IsZero():
			began, ended = q.Time, q.Answered
		case q.Vendor == "sitoo":
			ended = q.Answered
		case q.Call == "prepare" || q.Call == "status":
			limited = append(limited, q.Time)
			if q.Status == http.StatusTooManyRequests {
				refused++
			}
		}
	}
	return ended.Sub(began), densest(limited, 10*time.Second), refused
}

// densest is how many moments lie within so long a time, at most.
func densest(moments []time.Time, span time.Duration) (most int) {
	slices.SortFunc(moments, time.Time.Compare)
	first := 0
	for i, at := range moments {
		for at.Sub(moments[first]) >= span {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

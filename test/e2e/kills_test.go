//go:build kills

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// What a kill may cost.
const (
	workerKills = 10
	engineKills = 3
	settled     = time.Second // what was acknowledged longer ago than that is never sent again
	wasteMost   = 256 << 20   // bytes sent again for one kill
	backWithin  = 10 * time.Second
	killRate    = "100Mi" // of the worker, so that there is time to be killed in
)

// blow is one kill: when the store has so much of the film, and some time after
// the first byte that followed the last kill.
type blow struct {
	at     float64
	after  time.Duration
	engine bool

	done, back time.Time // when it was dealt, and when a new process was started
}

// plan chooses the moments. They leave a fifth of the film to be sent after the
// last one, so that all of them come before its end.
func plan(seed uint64) []blow {
	dice := rand.New(rand.NewPCG(seed, seed))
	blows := make([]blow, workerKills+engineKills)
	for i := range blows {
		blows[i] = blow{at: dice.Float64() * 0.8, after: time.Duration(dice.Float64() * float64(2*time.Second))}
	}
	slices.SortFunc(blows, func(a, b blow) int { return int((a.at - b.at) * 1e9) })
	for _, i := range dice.Perm(len(blows))[:engineKills] {
		blows[i].engine = true
	}
	return blows
}

// seed is from the environment, or new; it is printed, so that a run can be had
// again.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64N(1e6)
	if text := os.Getenv("KILLS_SEED"); text != "" {
		var err error
		n, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "KILLS_SEED")
	}
	says(t, "seed %d; KILLS_SEED=%d deals the same blows", n, n)
	return n
}

// TestKills sends a film while worker and engine are killed at random moments,
// and holds what the store saw against what a kill may cost.
func TestKills(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	blows := plan(seed(t))
	r := newRig(t)
	film := r.film("film.mp4", length(t, "KILLS_SIZE", 2<<30))
	info, err := os.Stat(film)
	require.NoError(t, err)
	r.startWorker("--bwlimit", killRate)
	began := time.Now()
	id := r.begin("film", film)
	for i := range blows {
		r.deal(&blows[i], info.Size())
		says(t, "%s: killed the %s at %s of %s", blows[i].done.Sub(began).Round(100*time.Millisecond), blows[i].victim(), mib(r.stored()), mib(info.Size()))
	}
	result := r.finish(id)
	v.tells("took", "%s, at most %s/s", time.Since(began).Round(time.Second), killRate)
	r.judge(v, film, result)
	r.cost(v, blows)
}

func (b blow) victim() string {
	if b.engine {
		return "engine"
	}
	return "worker"
}

// deal waits for a blow's moment and kills.
func (r *rig) deal(b *blow, size int64) {
	r.t.Helper()
	moved := r.vendor.sent.Load()
	r.wait("bytes move again", func() bool { return r.vendor.sent.Load() > moved+1<<20 })
	r.wait("the moment of a kill", func() bool { return float64(r.stored()) >= b.at*float64(size) })
	r.pause(b.after)
	if b.engine {
		pid := r.enginePID()
		b.done = time.Now()
		require.NoError(r.t, syscall.Kill(pid, syscall.SIGKILL))
		b.back = b.done // whoever hosts it starts another at once
		r.wait("another engine", func() bool { return r.place.engine().PID != pid && r.place.engine().PID != 0 })
		return
	}
	b.done = time.Now()
	r.worker.kill()
	b.back = r.startWorker()
}

// judge holds the result, and what the vendor has, against the film.
func (r *rig) judge(v *verdict, film string, result upload.Result) {
	r.t.Helper()
	v.holds(result.State == upload.StateReady, "end state", describeEnd(result), "ready")
	want := sum(r.t, film)
	media := r.box.ledger().Of("truvideo")
	v.holds(len(media) == 1, "sessions opened at the vendor", fmt.Sprint(len(media)), "1")
	if len(media) == 0 {
		return
	}
	m := media[len(media)-1]
	v.holds(m.SHA256 == want && m.Visible, "SHA-256 at the vendor", begins(m.SHA256), begins(want))
	v.holds(string(result.SHA256) == want, "SHA-256 of the result", begins(string(result.SHA256)), begins(want))
	v.holds(m.Completes == 1, "completes accepted", fmt.Sprint(m.Completes), "1")
	violations := r.box.ledger().Violations
	v.holds(len(violations) == 0, "complaints of the vendor", fmt.Sprint(len(violations), violations), "0 []")
}

// begins is as much of a checksum as fits a table.
func begins(sum string) string {
	if len(sum) < 12 {
		return sum
	}
	return sum[:12] + "…"
}

// cost is what the kills made the store see twice, and how long it waited.
func (r *rig) cost(v *verdict, blows []blow) {
	r.t.Helper()
	all := r.puts()
	again := repeated(all, blows)
	v.holds(len(again) == 0, "parts sent again that were acknowledged more than a second before a kill", fmt.Sprint(len(again), again), "0 []")
	waste := wasted(all, blows)
	worst := int64(0)
	for _, n := range waste {
		worst = max(worst, n)
	}
	v.holds(worst <= wasteMost, "bytes sent again for one kill, at most", mib(worst), "at most "+mib(wasteMost))
	v.tells("bytes sent again for each kill", "%s", inMiB(waste))
	var workers, engines []time.Duration
	for _, b := range blows {
		next := firstAfter(all, b.back)
		if b.engine {
			engines = append(engines, next)
		} else {
			workers = append(workers, next)
		}
	}
	v.holds(median(workers) <= backWithin, "from the worker's restart to the next part's first byte, median of ten", fmt.Sprint(median(workers).Round(time.Millisecond)), "at most "+fmt.Sprint(backWithin))
	v.tells("  each", "%s", rounded(workers))
	v.tells("from the engine's kill to the next part's first byte", "%s", rounded(engines))
}

// repeated are the numbers of parts that were acknowledged well before a kill,
// and sent again after it.
func repeated(all []put, blows []blow) (numbers []int) {
	for _, b := range blows {
		acknowledged := map[int]bool{}
		for _, p := range all {
			if p.status == http.StatusOK && p.answered.Before(b.done.Add(-settled)) {
				acknowledged[p.number] = true
			}
		}
		for _, p := range all {
			if p.began.After(b.done) && acknowledged[p.number] && !slices.Contains(numbers, p.number) {
				numbers = append(numbers, p.number)
			}
		}
	}
	return numbers
}

// wasted are the bytes of parts that were sent once more, by the kill that came
// before that.
func wasted(all []put, blows []blow) []int64 {
	waste := make([]int64, len(blows)+1) // the first: before any kill
	last := map[int]put{}
	for _, p := range all {
		if before, found := last[p.number]; found {
			n := 0
			for i, b := range blows {
				if b.done.Before(p.began) {
					n = i + 1
				}
			}
			waste[n] += before.bytes
		}
		last[p.number] = p
	}
	return waste
}

// firstAfter is how long it took from a moment to the next part's first byte.
func firstAfter(all []put, at time.Time) time.Duration {
	for _, p := range all {
		if p.began.After(at) {
			return p.began.Sub(at)
		}
	}
	return longWait
}

func inMiB(bytes []int64) string {
	var out []int64
	for _, n := range bytes {
		out = append(out, n>>20)
	}
	return fmt.Sprint(out) + " MiB"
}

func rounded(waits []time.Duration) string {
	var out []time.Duration
	for _, w := range waits {
		out = append(out, w.Round(time.Millisecond))
	}
	return fmt.Sprint(out)
}

//go:build kills

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// ordealSize is the film of the shorter ordeals.
func ordealSize(t *testing.T) int64 { return max(length(t, "KILLS_SIZE", 2<<30)/4, 64<<20) }

// paced is the rate at which the film takes so long.
func paced(size int64, takes time.Duration) string {
	return fmt.Sprint(int64(float64(size) / takes.Seconds()))
}

// TestSleep stops everything of ours in the middle, as a laptop does that is
// closed, and cuts what was connected meanwhile.
func TestSleep(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newRig(t)
	size := ordealSize(t)
	film := r.film("film.mp4", size)
	r.startWorker("--bwlimit", paced(size, 30*time.Second))
	id := r.begin("film", film)
	r.wait("a part is stored", func() bool { return r.stored() > 0 })
	ours := []int{r.worker.cmd.Process.Pid, r.host.cmd.Process.Pid, r.enginePID()}
	each := func(signal syscall.Signal) {
		for _, pid := range ours {
			require.NoError(t, syscall.Kill(pid, signal))
		}
	}
	sleep := span(t, "KILLS_SLEEP", time.Minute)
	says(t, "everything stops for %s at %s", sleep, mib(r.stored()))
	each(syscall.SIGSTOP)
	r.pause(sleep)
	cut := r.vendor.cut() + r.engine.cut()
	woken := time.Now()
	each(syscall.SIGCONT)
	result := r.finish(id)
	v.tells("slept", "%s, and %d connections were cut", sleep, cut)
	r.judge(v, film, result)
	v.tells("from waking to the next part's first byte", "%s", firstAfter(r.puts(), woken).Round(time.Millisecond))
	r.uncounted(v, result)
}

// uncounted makes sure that nothing counts as an attempt but what had to be done.
func (r *rig) uncounted(v *verdict, result upload.Result) {
	r.t.Helper()
	parts := 0
	for _, m := range r.box.ledger().Of("truvideo") {
		parts = max(parts, len(m.Parts))
	}
	want := upload.Attempts{Prepare: 1, Transfer: parts, Complete: 1, Poll: result.Attempts.Poll}
	v.holds(result.Attempts == want, "attempts counted", fmt.Sprintf("%+v", result.Attempts), fmt.Sprintf("%+v", want))
	v.tells("sent beyond the film's size", "%s", mib(r.vendor.sent.Load()-int64(result.Size)))
}

// TestNetwork cuts every connection again and again, as a change of networks
// does.
func TestNetwork(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newRig(t)
	size := ordealSize(t)
	film := r.film("film.mp4", size)
	r.startWorker("--bwlimit", paced(size, 30*time.Second))
	id := r.begin("film", film)
	var waits []time.Duration
	for i := range 5 {
		r.wait("bytes of the film are stored", func() bool { return r.stored() >= int64(i)*size/8 })
		moved := r.vendor.sent.Load()
		r.wait("bytes move", func() bool { return r.vendor.sent.Load() > moved+1<<20 })
		cut, at := r.vendor.cut()+r.engine.cut(), time.Now()
		says(t, "cut %d connections at %s", cut, mib(r.stored()))
		moved = r.vendor.sent.Load()
		r.wait("bytes move again", func() bool { return r.vendor.sent.Load() > moved+1<<20 })
		waits = append(waits, time.Since(at))
	}
	result := r.finish(id)
	r.judge(v, film, result)
	r.uncounted(v, result)
	v.tells("from a cut until bytes move again", "%s", rounded(waits))
}

// TestPause pauses, resumes and cancels with the real program.
func TestPause(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newRig(t)
	size := ordealSize(t)
	film := r.film("film.mp4", size)
	r.startWorker("--bwlimit", paced(size, 40*time.Second))
	id := r.begin("film", film)
	r.wait("a part is stored", func() bool { return r.stored() > 0 })

	at := time.Now()
	says(t, "%s", strings.TrimSpace(r.do("pause", id)))
	v.tells("mediaferry pause took", "%s", time.Since(at).Round(time.Millisecond))
	sent, stored := r.vendor.sent.Load(), r.stored()
	rest := span(t, "KILLS_PAUSE", time.Minute)
	r.pause(rest)
	v.holds(r.vendor.sent.Load()-sent < 64<<10, fmt.Sprintf("sent during %s of pause", rest), fmt.Sprint(r.vendor.sent.Load()-sent, " bytes"), "next to nothing")
	var shown struct {
		Paused bool
		State  upload.State
	}
	require.NoError(t, json.Unmarshal([]byte(r.do("show", "--json", id)), &shown))
	v.holds(shown.Paused && !shown.State.Ended(), "shown as", fmt.Sprintf("%+v", shown), "paused")

	at = time.Now()
	says(t, "%s", strings.TrimSpace(r.do("resume", id)))
	r.wait("bytes move again", func() bool { return r.vendor.sent.Load() > sent+1<<20 })
	v.tells("from mediaferry resume until bytes move", "%s", time.Since(at).Round(time.Millisecond))
	r.wait("another part is stored", func() bool { return r.stored() > stored })
	again := r.twice()
	v.holds(again == 0, "parts stored twice because of it", fmt.Sprint(again), "0")
	r.cancel(v, id)
}

// cancelWithin is how long a canceled upload may go on.
const cancelWithin = 5 * time.Second

// cancel gives an upload up and watches it end.
func (r *rig) cancel(v *verdict, id string) {
	r.t.Helper()
	who := stranger(r.t, r.service)
	moved := r.vendor.sent.Load()
	r.wait("bytes move", func() bool { return r.vendor.sent.Load() > moved+1<<20 })
	at := time.Now()
	s := r.start("mediaferry", "cancel", id)
	r.wait("no activity runs", func() bool {
		found, err := who.DescribeWorkflowExecution(r.t.Context(), id, "")
		require.NoError(r.t, err)
		requested := found.GetWorkflowExtendedInfo().GetCancelRequested() || found.GetWorkflowExecutionInfo().GetCloseTime() != nil
		return requested && len(found.GetPendingActivities()) == 0
	})
	took := time.Since(at)
	v.holds(took <= cancelWithin, "from mediaferry cancel until no activity runs", fmt.Sprint(took.Round(time.Millisecond)), "at most "+fmt.Sprint(cancelWithin))
	status, stdout := s.end()
	v.holds(status == 0 && strings.HasPrefix(stdout, "canceled"), "mediaferry cancel", fmt.Sprint(status, " ", strings.TrimSpace(stdout)), "0 canceled …")
	r.pause(max(cancelWithin-time.Since(at), 0))
	sent := r.vendor.sent.Load()
	r.pause(cancelWithin)
	v.holds(r.vendor.sent.Load() == sent, "bytes sent later than that", fmt.Sprint(r.vendor.sent.Load()-sent), "0")
	v.tells("left at the vendor, and named", "%s", strings.TrimSpace(s.stderr.String()))
}

// twice counts the parts that were stored more than once.
func (r *rig) twice() (n int) {
	r.t.Helper()
	times := map[int]int{}
	for _, p := range r.puts() {
		if p.status == http.StatusOK {
			times[p.number]++
		}
	}
	for _, stored := range times {
		if stored > 1 {
			n++
		}
	}
	return n
}

// TestShortLives lets URLs and tokens live for seconds while the upload takes
// minutes.
func TestShortLives(t *testing.T) {
	const urlLife, tokenLife, takes = 5 * time.Second, 8 * time.Second, 2 * time.Minute
	v := &verdict{t: t}
	defer v.print()
	r := newRig(t)
	r.box.configure(map[string]any{"truvideo": map[string]any{"url_life": urlLife.String(), "token_life": tokenLife.String()}})
	size := ordealSize(t)
	film := r.film("film.mp4", size)
	r.startWorker("--bwlimit", paced(size, takes))
	began := time.Now()
	result := r.finish(r.begin("film", film))
	took := time.Since(began)
	v.tells("took", "%s; URLs live %s, tokens %s", took.Round(time.Second), urlLife, tokenLife)
	r.judge(v, film, result)
	v.holds(r.twice() == 0, "parts stored twice", fmt.Sprint(r.twice()), "0")
	expired := map[int]int{}
	worst := 0
	for _, p := range r.puts() {
		if p.status == http.StatusForbidden {
			expired[p.number]++
			worst = max(worst, expired[p.number])
		}
	}
	v.holds(worst <= 1, "requests on an expired URL, of one part", fmt.Sprint(worst), "at most 1")
	v.tells("  of all parts", "%d", len(expired))
	logins, calls := r.calls("login", 0), r.calls("start", 0)+r.calls("parts", 0)+r.calls("status", 0)+r.calls("complete", 0)
	most := int(took/(tokenLife/2)) + 2
	v.holds(logins <= min(most, max(calls, 2)), "logins", fmt.Sprint(logins), fmt.Sprintf("at most %d, for %d calls", min(most, max(calls, 2)), calls))
	v.tells("calls that were refused for their token", "%d", r.calls("parts", http.StatusUnauthorized)+r.calls("status", http.StatusUnauthorized))
	v.tells("calls for URLs", "%d", r.calls("parts", 0))
}

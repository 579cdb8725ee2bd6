package report

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// totals are a batch in numbers.
type totals struct {
	All      *tally
	Accounts []*tally // by name
	First    time.Time
	Last     time.Time

	byName map[string]*tally
}

// tally is the numbers of one account, or of all.
type tally struct {
	Account, Vendor                            string
	Rows, Ready, Failed, Canceled, Unconfirmed int64
	Waiting, Moving, Packed, Own, Known        int64
	Converted                                  int64 // that are ready
	Bytes, Sent                                int64

	times spans // from begin to end of rows that became ready
}

func newTotals() *totals { return &totals{All: &tally{}, byName: map[string]*tally{}} }

func (t *totals) add(r upload.Result) {
	one := t.byName[r.To]
	if one == nil {
		one = &tally{Account: r.To, Vendor: string(r.Vendor)}
		t.byName[r.To] = one
		at, _ := slices.BinarySearchFunc(t.Accounts, r.To, func(a *tally, name string) int { return strings.Compare(a.Account, name) })
		t.Accounts = slices.Insert(t.Accounts, at, one)
	}
	t.All.add(r)
	one.add(r)
	if r.FinishedAt == nil || r.Error != nil && r.Error.Kind == upload.KindInvalid {
		return // what was refused was not on its way
	}
	if began := r.StartedAt.Time; !began.IsZero() && (t.First.IsZero() || began.Before(t.First)) {
		t.First = began
	}
	if r.FinishedAt.After(t.Last) {
		t.Last = *r.FinishedAt
	}
}

func (t *tally) add(r upload.Result) {
	t.Rows++
	t.Bytes += int64(r.Size)
	t.Sent += r.BytesSent
	switch r.State {
	case upload.StateReady:
		t.Ready++
		t.ready(r)
	case upload.StateFailed:
		t.Failed++
	case upload.StateCanceled:
		t.Canceled++
	case upload.StateUnconfirmed:
		t.Unconfirmed++
	case upload.StateWaiting:
		t.Waiting++
	default:
		t.Moving++
	}
}

func (t *tally) ready(r upload.Result) {
	switch {
	case r.KnownFrom != "":
		t.Known++
		return
	case r.Way == upload.WayPacked:
		t.Packed++
	default:
		t.Own++
	}
	if r.Converted() {
		t.Converted++
	}
	if r.FinishedAt != nil {
		t.times.add(r.FinishedAt.Sub(r.StartedAt.Time))
	}
}

// Ended counts the rows that have ended.
func (t *tally) Ended() int64 { return t.Ready + t.Failed + t.Canceled + t.Unconfirmed }

// Open counts those that have not.
func (t *tally) Open() int64 { return t.Waiting + t.Moving }

// Median is the time that half of the rows needed at most, "" where none did.
func (t *tally) Median() string { return t.times.within(0.5) }

// Slow is the time that 95 in a hundred needed at most.
func (t *tally) Slow() string { return t.times.within(0.95) }

// spans counts lengths of time in steps of a tenth, from a millisecond up.
type spans struct {
	steps [200]int64
	n     int64
}

const spanStep = 1.1

func (s *spans) add(d time.Duration) {
	at := 0
	if d > time.Millisecond {
		at = int(math.Log(float64(d)/float64(time.Millisecond)) / math.Log(spanStep))
	}
	s.steps[min(at, len(s.steps)-1)]++
	s.n++
}

func (s *spans) within(share float64) string {
	var sum int64
	for i, n := range s.steps {
		sum += n
		if s.n > 0 && float64(sum) >= share*float64(s.n) {
			return lasting(time.Duration(math.Pow(spanStep, float64(i)+0.5) * float64(time.Millisecond)))
		}
	}
	return ""
}

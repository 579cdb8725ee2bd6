package flow

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// PartVerdict is what the failure of one part means for whoever sends the parts.
type PartVerdict struct {
	Then PartThen
	// After is how long to wait before the part is sent again.
	After time.Duration
	// Slower says that the store asked for fewer parts at once.
	Slower bool
	// Lenient says that the part's receipt is to be believed although its ETag differs
	// from the MD5 of the bytes.
	Lenient bool
}

// PartThen is what follows the failure of a part.
type PartThen string

// What follows the failure of a part.
const (
	PartAgain  PartThen = "again"   // send it again, After a while
	PartNewURL PartThen = "new url" // its URL ran out: send it again on another
	PartUnused PartThen = "unused"  // its URL ran out before anything was sent on it; it counts as no attempt
	PartEnd    PartThen = "end"     // the sending is over: the judge takes the failure of the whole
)

// SlowDown reports whether a store asked for fewer requests at once.
func SlowDown(e *upload.Error) bool {
	return e.Kind == upload.KindUnavailable && (e.Code == upload.CodeSlowDown || e.Status == statusBusy)
}

// statusBusy is what a store answers that has too much to do.
const statusBusy = 503

// JudgePart decides what the failure of a part means, and takes note of it. What an
// outage or a limit caused comes here when patience with it is over; only that a store
// asks for fewer parts at once comes at the first word, unless the part was slowed
// before.
func (f Flow) JudgePart(s *upload.Progress, part int, e *upload.Error, slowed bool) PartVerdict {
	key := upload.TryKey(upload.StepTransfer, part)
	second(&s.Tally, key, e, time.Time{}) // whoever sent the part has waited out what is strange
	switch {
	case e.Lost:
	case e.Kind == upload.KindExpired && e.Code == upload.CodeSpent:
		return PartVerdict{Then: PartUnused}
	case e.Kind == upload.KindExpired:
		if f.tried(s, key) < TransferTries {
			return PartVerdict{Then: PartNewURL}
		}
	case SlowDown(e) && !slowed:
		return PartVerdict{Then: PartAgain, After: max(upload.Backoff(1, f.Seed+key), e.RetryAfter, leastRest), Slower: true}
	case e.Kind == upload.KindCorrupt:
		if f.tried(s, key) < TransferTries {
			return PartVerdict{Then: PartAgain, After: f.rest(s, key, e), Lenient: true}
		}
	}
	return PartVerdict{Then: PartEnd}
}

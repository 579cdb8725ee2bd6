package output

import (
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
)

// Line is an upload with what it waits for, as the commands print it; the names of its
// JSON are stable.
type Line struct {
	upload.Result
	Waiting *waits.Wait `json:"waiting"`
}

// waitingFor is what an upload waits for, in words; what only its workflow knows where
// nothing else is known.
func (l Line) waitingFor(status *upload.Status, now time.Time) string {
	switch {
	case l.Waiting != nil:
		return WaitWords(*l.Waiting, now)
	case status == nil:
		return ""
	case status.Paused && status.Waiting == "":
		return "a person; to continue: mediaferry resume " + upload.Argument(status.Result.UploadID)
	}
	return status.Waiting
}

// waitedFor names to people what is waited for.
var waitedFor = map[upload.WaitFor]string{
	upload.ForVendor: "the vendor", upload.ForRate: "the rate limit", upload.ForLine: "the network", upload.ForSource: "the source",
	upload.ForAccount: "its account", upload.ForHost: "a worker on the host of the source", upload.ForWorker: "a worker",
	upload.ForPerson: "a person", upload.ForProcessing: "the vendor to process it", upload.ForTurn: "its turn",
}

// WaitWords is what something waits for, in a sentence: for what, why, since when, and
// when it is tried again.
func WaitWords(w waits.Wait, now time.Time) string {
	text := waitedFor[w.For]
	if w.For != upload.ForProcessing {
		text += ": " + w.Reason
	}
	if more := timesOf(w, now); len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	return text
}

// timesOf is since when something waits, how often it was tried, and when it is tried
// again.
func timesOf(w waits.Wait, now time.Time) (words []string) {
	if !w.Since.IsZero() {
		words = append(words, "since "+clock(w.Since.Time, now))
	}
	switch {
	case w.Tries == 1:
		words = append(words, "tried once")
	case w.Tries > 1:
		words = append(words, fmt.Sprintf("tried %d times", w.Tries))
	}
	switch {
	case !w.Until.IsZero():
		words = append(words, "until "+clock(w.Until.Time, now))
	case w.NextTryAt.IsZero():
	case w.NextTryAt.After(now):
		words = append(words, "next attempt in "+TimeLeft(w.NextTryAt.Sub(now).Seconds()))
	case w.Tries > 0:
		words = append(words, "next attempt now")
	}
	return words
}

// clock is a moment as it stands on the wall, with its day where that is another.
func clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// ShortWait is what something waits for, and for how long, in a cell of a table.
func ShortWait(w *waits.Wait, now time.Time) string {
	if w == nil {
		return "-"
	}
	text := string(w.For)
	if !w.Since.IsZero() {
		text += ", " + TimeLeft(max(now.Sub(w.Since.Time), 0).Seconds())
	}
	return text
}

// RowsWords is what rows of a batch wait for.
func RowsWords(r waits.Rows, now time.Time) string {
	rows := "1 row"
	if r.Rows != 1 {
		rows = fmt.Sprintf("%d rows", r.Rows)
	}
	return fmt.Sprintf("%s at %s: for %s", rows, r.To, WaitWords(r.Wait, now))
}

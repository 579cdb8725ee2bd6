package output

import (
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// StateWords is an upload's state with what a person wants to know at once.
func StateWords(r upload.Result) string {
	switch {
	case r.State == upload.StateFailed && r.Error != nil:
		return "failed: " + string(r.Error.Kind)
	case r.Paused:
		return string(r.State) + " (paused)"
	}
	return string(r.State)
}

// BatchStateWords is a batch's state for people.
func BatchStateWords(b ledger.Batch) string {
	if b.Paused && !b.State.Ended() {
		return string(b.State) + " (paused)"
	}
	return string(b.State)
}

// OrDash returns a dash for an empty text.
func OrDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// Join lists words, separated by commas.
func Join[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}

// Size is a number of bytes as people read it.
func Size(n int64) string { return report.Size(n) }

// KnownSize is a size, or a dash where the source has not been opened yet.
func KnownSize(n upload.Number) string {
	if n == 0 {
		return "-"
	}
	return Size(int64(n))
}

// Ago is how long something has been, in one unit.
func Ago(t time.Time, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := max(now.Sub(t), 0) // the moment may be by another clock
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}

// TimeLeft is an estimated time, no finer than it can be known.
func TimeLeft(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

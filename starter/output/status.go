package output

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// statusRows are the lines of a card about an upload under way; none where status is
// nil.
func statusRows(status *upload.Status, now time.Time) (rows [][]string) {
	if status == nil {
		return nil
	}
	add := func(name, text string) {
		if text != "" {
			rows = append(rows, []string{name, text})
		}
	}
	add("parts", partsOf(*status))
	add("speed", speedOf(*status))
	add("URL", urlOf(*status, now))
	add("retries", retriesOf(*status))
	return rows
}

// partsOf counts the parts that the store has acknowledged.
func partsOf(s upload.Status) string {
	if s.Parts <= 1 {
		return ""
	}
	text := fmt.Sprintf("%d of %d, %s", s.PartsDone, s.Parts, Size(s.BytesDone))
	if s.Width > 0 {
		text += fmt.Sprintf("; %d in flight, at most %d", s.InFlight, s.Width)
	}
	return text
}

// speedOf is how fast bytes move, and how long the rest takes.
func speedOf(s upload.Status) string {
	if s.Speed <= 0 || s.Paused {
		return ""
	}
	text := Size(int64(s.Speed)) + "/s"
	if s.LeftSeconds > 0 {
		text += ", " + TimeLeft(s.LeftSeconds) + " left"
	}
	return text
}

// urlOf is how long the URL in use is good for.
func urlOf(s upload.Status, now time.Time) string {
	if s.ExpiresAt.IsZero() || s.Result.State != upload.StateTransferring {
		return ""
	}
	if left := s.ExpiresAt.Sub(now); left > 0 {
		return "valid for another " + TimeLeft(left.Seconds())
	}
	return "expired; mediaferry requests another one when it needs it"
}

// retriesOf is what was repeated, by cause.
func retriesOf(s upload.Status) string {
	causes := make([]string, 0, len(s.Retries))
	for _, cause := range slices.Sorted(maps.Keys(s.Retries)) {
		causes = append(causes, fmt.Sprintf("%s %d", cause, s.Retries[cause]))
	}
	return strings.Join(causes, ", ")
}

// statusWords is an upload under way in half a line.
func statusWords(s upload.Status, now time.Time) string {
	var words []string
	if s.Parts > 1 {
		words = append(words, fmt.Sprintf("%d of %d parts", s.PartsDone, s.Parts))
	}
	if s.Paused {
		words = append(words, "paused")
	}
	if left := s.ExpiresAt.Sub(now); s.Result.State == upload.StateTransferring && !s.ExpiresAt.IsZero() && left > 0 {
		words = append(words, "URL valid for "+TimeLeft(left.Seconds()))
	}
	return strings.Join(words, ", ")
}

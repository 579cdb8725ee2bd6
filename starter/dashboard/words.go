package dashboard

import (
	"encoding/json"
	"fmt"
	"html/template"
	"iter"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/links"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/output"
)

func number(n int64) string { return strconv.FormatInt(n, 10) }

func yes(b bool) string { return strconv.FormatBool(b) }

// stamp is a moment for programs; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func mapsKeys(f upload.Fields) iter.Seq[string] { return maps.Keys(f) }

// fieldText is the value of a vendor's field as it is read.
func fieldText(value any) string {
	switch value := value.(type) {
	case string:
		return upload.Visible(value)
	case []any:
		var texts []string
		for _, one := range value {
			texts = append(texts, fieldText(one))
		}
		return strings.Join(texts, " | ")
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return upload.Visible(string(text))
}

// grouped writes a number with its thousands apart.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, r := range text {
		if i > 0 && (len(text)-i)%3 == 0 && text[i-1] != '-' {
			b.WriteRune('\u202f')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// count is a number with its word.
func count(n any, word string) string {
	var number int64
	switch n := n.(type) {
	case int:
		number = int64(n)
	case int64:
		number = n
	}
	if number == 1 {
		return "1 " + word
	}
	return grouped(number) + " " + word + "s"
}

// stateClass is how a state is drawn.
func stateClass(state any) string {
	switch fmt.Sprint(state) {
	case "ready", "active", "completed", "done":
		return "good"
	case "failed", "denied":
		return "bad"
	case "unconfirmed", "held", "paused", "unavailable", "throttled":
		return "warn"
	case "running", "preparing", "transferring", "completing", "processing", "loading":
		return "busy"
	}
	return "idle"
}

// segment is a part of a bar, in thousandths of its width.
type segment struct {
	Class, Word string
	X, Width    float64
	N           int64
}

// barOf is a batch as a bar.
func barOf(n output.BatchNumbers) []segment {
	var bar []segment
	at := 0.0
	for _, one := range []struct {
		class, word string
		n           int64
	}{
		{"good", "ready", n.Ready},
		{"bad", "failed", n.Failed},
		{"warn", "unconfirmed", n.Unconfirmed},
		{"gone", "canceled", n.Canceled},
		{"busy", "in progress", n.InProgress},
		{"idle", "waiting", n.Waiting},
	} {
		if one.n == 0 || n.Total == 0 {
			continue
		}
		width := float64(one.n) * 1000 / float64(n.Total)
		bar = append(bar, segment{one.class, one.word, at, max(width, 3), one.n})
		at += width
	}
	return bar
}

func percent(part, of int64) string {
	if of == 0 {
		return "0"
	}
	return strconv.FormatInt(part*100/of, 10)
}

// functions are what templates use.
func functions() template.FuncMap {
	return template.FuncMap{
		"count": count, "grouped": grouped, "bytes": func(n any) string { return output.Size(whole(n)) }, "stateClass": stateClass, "bar": barOf, "percent": percent,
		"itemPath": links.Item, "batchPath": links.Batch, "accountPath": links.Account, "picturePath": links.Picture, "listedPath": links.Listed, "arg": upload.Argument, "visible": upload.Visible,
		"left":     func(seconds any) string { return output.TimeLeft(float64(whole(seconds))) },
		"duration": func(seconds float64) string { return output.TimeLeft(seconds) },
		"took":     took, "asset": assetPath, "dict": dict, "join": strings.Join, "join2": func(words ...string) []string { return words },
	}
}

func whole(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	case *int64:
		if n != nil {
			return *n
		}
	case float64:
		return int64(n)
	case upload.Number:
		return int64(n)
	}
	return 0
}

// took is how long an upload was under way.
func took(r upload.Result) string {
	if r.FinishedAt == nil || r.StartedAt.IsZero() {
		return ""
	}
	return r.FinishedAt.Sub(r.StartedAt.Time).Round(time.Millisecond).String()
}

// dict makes the argument of a template that needs several.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict needs pairs, got %d values", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// clockFunctions are those that depend on the time.
func clockFunctions(now func() time.Time) template.FuncMap {
	return template.FuncMap{
		"ago":  func(t any) template.HTML { return timeTag(momentOf(t), now()) },
		"wait": func(w *waits.Wait) string { return waitWords(w, now()) },
		"at":   func(t any) string { return clock(momentOf(t), now()) },
	}
}

func momentOf(t any) time.Time {
	switch t := t.(type) {
	case time.Time:
		return t
	case *time.Time:
		if t != nil {
			return *t
		}
	case upload.Moment:
		return t.Time
	}
	return time.Time{}
}

// timeTag is a moment as people read it, with the exact one behind it.
func timeTag(t, now time.Time) template.HTML {
	if t.IsZero() {
		return `<span class="none">–</span>`
	}
	text := output.Ago(t, now)
	if t.Sub(now) >= time.Second {
		text = "in " + output.TimeLeft(t.Sub(now).Seconds())
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` + template.HTMLEscapeString(t.Local().Format("2006-01-02 15:04:05 MST")) + `">` + text + `</time>`) //nolint:gosec // it is made of times alone
}

// clock is a moment as it stands on the wall, with its day where that is another.
func clock(t, now time.Time) string {
	if t.IsZero() {
		return "–"
	}
	t, now = t.Local(), now.Local()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format(time.TimeOnly)
	}
	return t.Format("2006-01-02 15:04")
}

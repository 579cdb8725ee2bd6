package wire

import (
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Bounds of a quota that is believed.
const (
	longestWindow = 400 * 24 * time.Hour
	mostPerSecond = 1_000_000
)

// Quotas are the limits that an answer tells in RateLimit-Policy, by their windows:
// `300;w=60, 10000;w=86400`, or as later drafts of the IETF write it,
// `"default";q=300;w=60`. What cannot be read, has no window, or counts something else
// than requests is left out.
func (a Answer) Quotas() []upload.Quota {
	var told []upload.Quota
	for _, policy := range unquoted(strings.Join(a.Header.Values("RateLimit-Policy"), ","), ',') {
		if q, ok := quota(unquoted(policy, ';')); ok {
			told = append(told, q)
		}
	}
	return upload.Tighten(told)
}

// quota reads one policy: a limit or a name, and parameters.
func quota(parts []string) (upload.Quota, bool) {
	limit, seconds := bare(parts[0]), ""
	for _, parameter := range parts[1:] {
		name, value, _ := strings.Cut(parameter, "=")
		switch value = bare(value); strings.ToLower(bare(name)) {
		case "q":
			limit = value
		case "w":
			seconds = value
		case "qu":
			if !strings.EqualFold(value, "requests") {
				return upload.Quota{}, false
			}
		}
	}
	n, window := whole(limit), whole(seconds)
	if n < 1 || window < 1 || window > int64(longestWindow/time.Second) {
		return upload.Quota{}, false
	}
	return upload.Quota{Window: time.Duration(window) * time.Second, Limit: min(n, mostPerSecond*window)}, true
}

// bare is a value without blanks and quotes around it.
func bare(text string) string { return strings.Trim(strings.TrimSpace(text), `"`) }

// unquoted splits a text at a separator that stands outside of quotes.
func unquoted(text string, separator byte) []string {
	var parts []string
	begin, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case !quoted && text[i] == separator:
			parts, begin = append(parts, text[begin:i]), i+1
		}
	}
	return append(parts, text[begin:])
}

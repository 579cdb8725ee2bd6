package upload

import (
	"regexp"
	"strings"
)

// varying is what differs between messages that say the same: quoted values, checksums
// and IDs, and numbers.
var varying = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\b[0-9A-Fa-f-]{16,}\b|[0-9]+(?:[.,:][0-9]+)*|…`)

// Common is a message with "…" in place of what differs between messages that say the
// same. It groups messages by what they say.
func Common(message string) string { return varying.ReplaceAllString(message, "…") }

// Merge is what two messages with the same Common form share: "…" stands for the values
// that differ. Messages of different forms give the common form of the first.
func Merge(a, b string) string {
	ofA, ofB := varying.FindAllString(a, -1), varying.FindAllString(b, -1)
	if len(ofA) != len(ofB) {
		return Common(a)
	}
	at := 0
	return varying.ReplaceAllStringFunc(a, func(value string) string {
		other := ofB[at]
		at++
		if value == other {
			return value
		}
		if strings.HasPrefix(value, `"`) && strings.HasPrefix(other, `"`) {
			return `"…"`
		}
		return "…"
	})
}

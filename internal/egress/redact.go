package egress

import (
	"errors"
	"io/fs"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// Redact is text as it may be logged, stored and shown: every URL in it loses
// its query, fragment and user information, and what looks like a credential is
// blotted out.
func Redact(text string) string {
	text = urls.ReplaceAllStringFunc(text, redactURL)
	text = jwts.ReplaceAllString(text, "[redacted]")
	return credentials.ReplaceAllString(text, "$1[redacted]")
}

var (
	urls = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>` + "`" + `]+`)
	jwts = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`)
	// Bearer and Basic headers, and name=value pairs with telling names.
	credentials = regexp.MustCompile(`(?i)((?:bearer|basic)\s+|(?:x-amz-signature|x-amz-credential|x-amz-security-token|ossaccesskeyid|signature|api[_-]?key|access[_-]?token|refresh[_-]?token|client[_-]?secret|password|secret)["']?\s*[=:]\s*["']?)[^\s"',;&<>}]+`)
)

func redactURL(raw string) string {
	bare, _, _ := strings.Cut(raw, "?")
	bare, _, _ = strings.Cut(bare, "#")
	scheme, rest, _ := strings.Cut(bare, "://")
	host, path, slash := strings.Cut(rest, "/")
	if at := strings.LastIndex(host, "@"); at >= 0 {
		host = host[at+1:]
	}
	if slash {
		host += "/"
	}
	return scheme + "://" + host + path
}

// Cause is an error without what the message around it has said already: the method
// and URL that net/http puts in front, or the operation and path of package os. It is
// redacted.
func Cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return Redact(err.Error())
}

// MostText is how many characters of a foreign text an error holds. It keeps messages
// readable, in one line of a report, and below what Temporal keeps of a failure.
const MostText = 300

// Line makes a foreign text fit for an error: one line, without secrets, and no longer
// than most characters.
func Line(text string, most int) string {
	return Shorten(strings.Join(strings.FieldsFunc(Redact(text), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " "), most)
}

// Shorten cuts a text after most characters, and marks the cut.
func Shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}

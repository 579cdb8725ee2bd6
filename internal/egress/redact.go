package egress

import (
	"errors"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Redact is text as it may be logged, stored and shown: every URL in it loses its
// query, fragment and user information, what looks like a credential is blotted out,
// and so is every secret that Hide was told of.
func Redact(text string) string {
	if text == "" {
		return ""
	}
	text = secrets.blot(text)
	lower := strings.ToLower(text) // most texts have nothing of what the patterns look for
	if strings.Contains(text, "://") || strings.Contains(text, `:\/\/`) {
		text = urls.ReplaceAllStringFunc(text, redactURL)
	}
	if strings.Contains(lower, "%3a%2f%2f") {
		text = encodedURLs.ReplaceAllStringFunc(text, cutEncodedQuery)
	}
	if strings.Contains(text, "?") {
		text = queries.ReplaceAllString(text, "$1")
	}
	if strings.Contains(text, "eyJ") {
		text = jwts.ReplaceAllString(text, blotted)
	}
	if strings.Contains(lower, "authorization") || strings.Contains(lower, "cookie") {
		text = headers.ReplaceAllString(text, "$1"+blotted)
	}
	if !slices.ContainsFunc(telling, func(word string) bool { return strings.Contains(lower, word) }) {
		return text
	}
	text = quotedValues.ReplaceAllString(text, "${1}"+blotted+"${2}")
	text = credentials.ReplaceAllStringFunc(text, redactPair)
	return spoken.ReplaceAllStringFunc(text, redactSpoken)
}

// telling are words of which each name of a secret has one.
var telling = []string{"key", "token", "secret", "sig", "passw", "pwd", "passphrase", "policy", "credential", "csrf", "session", "bearer", "basic"}

// blotted stands where a secret was.
const blotted = "[redacted]"

// Names of what is secret. The strong ones name nothing else; the weak ones are words
// of ordinary sentences too, so what follows them counts only where it looks like a
// secret.
const (
	strongNames = `(?:x-(?:amz|oss|goog)-(?:signature|credential|security-token)|ossaccesskeyid|awsaccesskeyid|access[_-]?key(?:[_-]?(?:id|secret))?|` +
		`secret[_-]?(?:access[_-]?)?key|api[_-]?key|(?:access|refresh|private|public|security|session|auth|id|bearer)[_-]?token|client[_-]?secret|` +
		`key-pair-id|signature|passw(?:or)?d|passphrase|pwd|secret|sessionid)`
	weakNames = `(?:x-[a-z-]*token|token|sign|sig|policy|credentials?|csrf)`
	// parting is what stands between a name and its value: in JSON, in JSON within
	// JSON, in a query, and percent-encoded.
	parting = `\\*["']?\s*(?:[=:]|%3[ad]|&#61;)\s*\\*["']?`
	value   = `[^\s"',;&<>}\\]+`
)

var (
	// A query's values may be quoted, by those who print one.
	urls = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*:(?:\\?/){2}[^\s"'<>?#` + "`" + `]*(?:[?#](?:=["'<` + "`" + `][^\s"'<>` + "`" + `]*["'>` + "`" + `]?|[^\s"'<>` + "`" + `])*)?`)
	// encodedURLs are those within another URL.
	encodedURLs = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*%3a(?:%2f){2}[^\s"'<>]*`)
	// queries are those of addresses without a scheme.
	queries = regexp.MustCompile(`((?://)?[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,}(?::\d+)?/[^\s"'<>?]*)\?[A-Za-z0-9_.~%-]+=[^\s"'<>]*`)
	jwts    = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`)
	// headers hold nothing but secrets, to the end of their line.
	headers = regexp.MustCompile(`(?i)(\b(?:proxy-)?authorization\\?["']?\s*:\s*\\?["']?(?:bearer\s+|basic\s+)?|\b(?:set-)?cookie\\?["']?\s*:\s*\\?["']?)(?:[^\s"'\\,;]+(?:[ ,;]+[A-Za-z0-9_-]+=[^\s"'\\,;]+|\s+[A-Za-z0-9+/=_:.-]*\d[A-Za-z0-9+/=_:.-]*)*)`)
	// quotedValues may hold blanks.
	quotedValues = regexp.MustCompile(`(?i)(\b(?:` + strongNames + `|token)\\*["']?\s*[=:]\s*\\*["'])[^"'\\]+(\\*["'])`)
	credentials  = regexp.MustCompile(`(?i)((?:\b|_|%26|-)(?:` + strongNames + `|` + weakNames + `)` + parting + `)(` + value + `)`)
	// spoken are secrets in a sentence: "the password is s3cr3t".
	spoken = regexp.MustCompile(`(?i)(\b(?:api[ _-]?key|passw(?:or)?d|secret|token|bearer|basic)\s+(?:is\s+|was\s+)?["']?)([A-Za-z0-9_.~+/=-]{6,})`)

	strong = regexp.MustCompile(`(?i)(?:` + strongNames + `)` + parting + `$`)
)

// redactPair blots out the value of a pair. A weak name with a colon and a word behind
// it may be a sentence.
func redactPair(pair string) string {
	parts := credentials.FindStringSubmatch(pair)
	name, given := parts[1], parts[2]
	if given == blotted || strings.HasPrefix(blotted, given) {
		return pair
	}
	sentence := strings.HasSuffix(name, " ") || strings.HasSuffix(name, ":")
	if sentence && !strong.MatchString(name) && !secretive(given) {
		return pair
	}
	return name + blotted
}

func redactSpoken(phrase string) string {
	parts := spoken.FindStringSubmatch(phrase)
	if !secretive(parts[2]) {
		return phrase
	}
	return parts[1] + blotted
}

// secretive reports whether a word looks like a secret: it has letters and digits, or
// is longer than words are.
func secretive(word string) bool {
	letters := strings.ContainsFunc(word, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' })
	return len(word) >= 6 && letters && strings.ContainsAny(word, "0123456789") || len(word) >= 24
}

func redactURL(raw string) string {
	bare, _, _ := strings.Cut(raw, "#")
	scheme, rest, found := strings.Cut(bare, "://")
	slashes := "://"
	if !found {
		slashes = `:\/\/`
		scheme, rest, _ = strings.Cut(bare, slashes)
	}
	rest = withoutUser(rest)
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + slashes + rest
}

// withoutUser drops user and password, also where a password holds signs that end the
// host of a URL: then nobody can tell how far it goes, so all up to the last sign that
// may part it from the host goes.
func withoutUser(rest string) string {
	end := strings.IndexAny(rest, "/?\\")
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		return rest[at+1:]
	}
	_, port, _ := strings.Cut(host, ":")
	if port == "" || strings.HasPrefix(host, "[") || !strings.ContainsFunc(port, func(r rune) bool { return r < '0' || r > '9' }) {
		return rest
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		return rest[at+1:]
	}
	return blotted
}

// cutEncodedQuery is redactURL for a URL that is percent-encoded as a whole.
func cutEncodedQuery(raw string) string {
	lower := strings.ToLower(raw)
	for _, mark := range []string{"%3f", "%23", "?"} {
		if at := strings.Index(lower, mark); at >= 0 {
			raw, lower = raw[:at], lower[:at]
		}
	}
	if at := strings.LastIndex(lower, "%40"); at >= 0 {
		start := strings.Index(lower, "%2f%2f") + len("%2f%2f")
		raw = raw[:start] + raw[at+len("%40"):]
	}
	return raw
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

// Line makes a foreign text fit for an error: one plain line, without secrets, and no
// longer than most characters.
func Line(text string, most int) string {
	const room = 16 // for what is shortened by redaction
	if len(text) > room*most {
		text = strings.ToValidUTF8(text[:room*most], "")
	}
	return Shorten(upload.Plain(Redact(upload.Plain(text))), most)
}

// Shorten cuts a text after most characters, and marks the cut.
func Shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}

package upload

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Texts that strangers wrote: vendors, stores, servers of sources, manifests. They are
// made plain before they are kept, so that nothing in them acts on a terminal, a log
// or a page, and nothing is hidden from whoever reads them.

// sequences are what terminals take for commands: those of 7 and of 8 bits.
var sequences = regexp.MustCompile("(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\x1b[\\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\x07\x1b\u009c]*(?:\x07|\x1b\\\\|\u009c)")

// Plain is a stranger's text as one line of valid UTF-8 without characters that act or
// that nobody sees: controls and commands of terminals, marks that change the
// direction of writing, joiners, and shapes without ink. Blanks and line ends of any
// sort become one space.
func Plain(text string) string {
	if plain(text) {
		return text
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	if strings.ContainsAny(text, "\x1b\u009b\u009d\u0090\u0098\u009e\u009f") {
		text = sequences.ReplaceAllString(text, "")
	}
	var b strings.Builder
	gap := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r) || r == '\u2028' || r == '\u2029':
			gap = b.Len() > 0
			continue
		case hidden(r):
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plain reports whether a text needs no change, as nearly all do.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	return !strings.Contains(text, "  ") && strings.TrimSpace(text) == text
}

// hidden reports whether a character acts, or is not seen.
func hidden(r rune) bool {
	switch r {
	case '\u034f', '\u115f', '\u1160', '\u17b4', '\u17b5', '\u3164', '\uffa0': // letters and marks without a shape
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cs) || r >= 0xe0000 && r <= 0xe0fff
}

// PlainName is Plain for a name or an ID that a stranger gave, of at most most
// characters. ok is false where nothing is left, or more: then it cannot be one.
func PlainName(name string, most int) (clean string, ok bool) {
	clean = Plain(name)
	return clean, clean != "" && utf8.RuneCountInString(clean) <= most
}

// PlainURL is a URL that a stranger gave and that people may follow, or "": only http:
// and https: with a host, and without user information, are addresses of media.
func PlainURL(raw string) string {
	clean := Plain(raw)
	u, err := url.Parse(clean)
	if err != nil || clean != raw || u.Host == "" || u.User != nil {
		return ""
	}
	if scheme := strings.ToLower(u.Scheme); scheme != "https" && scheme != "http" {
		return ""
	}
	return clean
}

// MakePlain makes the texts of an error plain.
func (e *Error) MakePlain() {
	e.Message, e.Hint = Plain(e.Message), Plain(e.Hint)
	e.Code, e.RequestID = Plain(e.Code), Plain(e.RequestID)
}

// Visible spells out what a terminal would interpret, and what nobody would see, of a
// text that must stay what it is: names of files may hold line breaks and escape
// sequences.
func Visible(text string) string {
	if !strings.ContainsFunc(text, invisible) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if invisible(r) {
			spelled := strconv.QuoteRune(r)
			b.WriteString(spelled[1 : len(spelled)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func invisible(r rune) bool { return !unicode.IsGraphic(r) }

// VisibleJSON is JSON that means the same and holds no character that a terminal would
// interpret or nobody would see: they stand as escapes.
func VisibleJSON(raw []byte) []byte {
	if !bytes.ContainsFunc(raw, escaped) {
		return raw
	}
	out := make([]byte, 0, len(raw)+64)
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		switch {
		case !escaped(r):
			out = append(out, raw[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		raw = raw[size:]
	}
	return out
}

// escaped reports whether a character is escaped in JSON. Below DEL, JSON has escaped
// what must be; line ends between objects stay.
func escaped(r rune) bool { return r >= 0x7f && invisible(r) }

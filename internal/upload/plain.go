package upload

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Texts that strangers wrote: vendors, stores, servers of sources, manifests. They are
// made plain before they are kept, so that nothing in them acts on a terminal, a log
// or a page, and nothing is hidden from whoever reads them.

// Plain is a stranger's text as one line of valid UTF-8 without characters that act or
// that nobody sees: controls and commands of terminals, marks that change the
// direction of writing, joiners, and shapes without ink. Blanks and line ends of any
// sort become one space.
func Plain(text string) string {
	if plain(text) {
		return text
	}
	text = withoutCommands(strings.ToValidUTF8(text, "\ufffd"))
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

// withoutCommands drops what terminals take for commands: those that end with a letter,
// and those that hold a text, such as a window's title. One that does not end is no
// command; what began it is hidden all the same.
func withoutCommands(text string) string {
	if !strings.ContainsAny(text, "\x1b\u009b\u009d\u0090\u0098\u009e\u009f") {
		return text
	}
	var b strings.Builder
	runes := []rune(text)
	for i := 0; i < len(runes); {
		if n := command(runes[i:]); n > 0 {
			i += n
			continue
		}
		b.WriteRune(runes[i])
		i++
	}
	return b.String()
}

// command is the length of the command that a text begins with; 0 where it begins with
// none. Commands begin with ESC and a sign, or with one character of their own.
func command(text []rune) int {
	sign, start := text[0], 1
	if sign == '\x1b' {
		if len(text) < 2 {
			return 0
		}
		sign, start = text[1]+'@', 2 // ESC [ is U+009B
	}
	switch sign {
	case '\u009b':
		return ending(text, start, func(r rune) bool { return r >= '@' && r <= '~' }, func(r rune) bool { return r >= ' ' && r <= '?' })
	case '\u009d', '\u0090', '\u0098', '\u009e', '\u009f':
		ends := func(r rune) bool { return r == '\a' || r == '\u009c' || r == '\x1b' }
		n := ending(text, start, ends, func(r rune) bool { return !ends(r) })
		if n > 0 && text[n-1] == '\x1b' && n < len(text) && text[n] == '\\' {
			n++
		}
		return n
	}
	return 0
}

// ending is where a command ends, behind a character that ends it and others that it may
// hold; 0 where it does not.
func ending(text []rune, start int, ends, holds func(rune) bool) int {
	for i := start; i < len(text); i++ {
		if ends(text[i]) {
			return i + 1
		}
		if !holds(text[i]) {
			return 0
		}
	}
	return 0
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
	return clean, clean != "" && len([]rune(clean)) <= most
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

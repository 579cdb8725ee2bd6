package report

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

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
func escaped(r rune) bool { return r >= 0x7f && !unicode.IsGraphic(r) }

package upload

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestPlainLeavesNothingThatActsOrHides(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                       "plain",
		"two  blanks ":                "two blanks",
		"a\r\nb\tc\u2028d":            "a b c d",
		"\x1b]0;pwned\x07\x1b[31mred": "red",
		"\u009b31mred":                "red",
		"invoice\u202egnp.exe":        "invoicegnp.exe",
		"a\u200bb\ufeffc\u00add":      "abcd",
		"\u2066x\u2069":               "x",
		"bad \xff\xfe bytes":          "bad \ufffd bytes",
		"ünïcode 商品 🎉":                "ünïcode 商品 🎉",
		"nul\x00 bell\x07 del\x7f":    "nul bell del",
		"tag\U000e0041s":              "tags",
		"\x1bPq#0;2;0;0;0\x1b\\after": "after",
		"\u3164":                      "",
	} {
		require.Equal(t, want, Plain(text), "%q", text)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("\x1b[31m\u202e a")
	f.Fuzz(func(t *testing.T, text string) {
		clean := Plain(text)
		require.True(t, utf8.ValidString(clean))
		require.Equal(t, clean, Plain(clean), "it is plain already")
		for _, r := range clean {
			require.False(t, hidden(r), "%q", r)
		}
	})
}

func TestOnlyAddressesOfMediaAreKept(t *testing.T) {
	for _, good := range []string{"https://cdn.example.com/a.jpg", "http://127.0.0.1:8500/x"} {
		require.Equal(t, good, PlainURL(good))
	}
	for _, bad := range []string{"javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//host/x", "https://user:pw@host/x", "https://h/\r\nX: y", "https://h/\u202ex", "", "https:///x"} {
		require.Empty(t, PlainURL(bad), bad)
	}
}

func TestANameThatCannotBeOneIsRefused(t *testing.T) {
	name, ok := PlainName("ID\x1b]0;pwn\x07\u202egnp", 100)
	require.True(t, ok)
	require.Equal(t, "IDgnp", name)
	for _, bad := range []string{"", "\x1b[31m", "\u200b", "ab"} {
		_, ok := PlainName(bad, 1)
		require.False(t, ok)
	}
}

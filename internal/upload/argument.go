package upload

import "strings"

// Argument is a text as a person can give it to a command in a shell: in quotes, if the
// shell would take it for something else.
func Argument(text string) string {
	if text != "" && !strings.ContainsFunc(text, special) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// special reports characters that mean something to a shell, anywhere in a word.
func special(r rune) bool { return r <= ' ' || strings.ContainsRune("!\"#$&'()*;<>?[\\]^`{|}~\x7f", r) }

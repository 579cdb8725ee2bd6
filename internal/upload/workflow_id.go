package upload

import (
	"strings"
)

// WorkflowID is the ID of the workflow that is named after an upload or a batch: the
// name in printable ASCII, because workflow IDs travel in headers. Other bytes are
// percent-encoded, and so is a percent sign that would be taken for the start of such
// an encoding. Different names have different IDs; see NameOfWorkflow.
func WorkflowID(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '%' }) {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if _, escape := escaped(name[i:]); escape || c <= ' ' || c >= 0x7f {
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// NameOfWorkflow is the name that WorkflowID was given.
func NameOfWorkflow(id string) string {
	var b strings.Builder
	for len(id) > 0 {
		c, escape := escaped(id)
		if escape {
			id = id[2:]
		} else {
			c = id[0]
		}
		b.WriteByte(c)
		id = id[1:]
	}
	return b.String()
}

// escaped returns the byte that is percent-encoded at the start of a text.
func escaped(text string) (byte, bool) {
	if len(text) < 3 || text[0] != '%' {
		return 0, false
	}
	high, low := hexDigit(text[1]), hexDigit(text[2])
	return high<<4 | low, high < 16 && low < 16
}

// hexDigit is the value of a hexadecimal digit, or 255.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

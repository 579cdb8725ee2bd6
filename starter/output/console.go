// Package output owns what the program writes to a terminal: results for people
// and as JSON, messages, tables, progress lines, and the words for states, sizes
// and times. It refuses to find anything out: it asks neither the ledger nor
// Temporal, and shows what it is given.
package output

import (
	"fmt"
	"io"
	"strings"
)

// Console is where a command writes: results to Out, everything else to Err.
type Console struct{ Out, Err io.Writer }

// Say writes a message to the person at the terminal.
func (c Console) Say(format string, args ...any) {
	text := strings.TrimSuffix(fmt.Sprintf(format, args...), "\n")
	_, _ = fmt.Fprintf(c.Err, "mediaferry: %s\n", visibleLines(text))
}

// Hint writes what to do about the message before it, if there is anything.
func (c Console) Hint(text string) {
	if text != "" {
		_, _ = fmt.Fprintf(c.Err, "  %s\n", visibleLines(text))
	}
}

// Printer returns a printer of results on this console.
func (c Console) Printer(asJSON bool) Printer {
	return Printer{Out: c.Out, Err: c.Err, JSON: asJSON}
}

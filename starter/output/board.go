package output

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Board shows some lines that change: redrawn in their place on a terminal,
// now and then elsewhere.
type Board struct {
	screen
	out   io.Writer
	drawn int // lines on the terminal
	last  time.Time
}

// NewBoard returns an empty board on an output.
func NewBoard(out io.Writer) *Board {
	return &Board{screen: screenOf(out), out: out, last: time.Now()}
}

// Terminal reports whether the lines are drawn on a terminal.
func (b *Board) Terminal() bool { return b.terminal }

// Draw shows the lines in place of those that were shown.
func (b *Board) Draw(lines []string) {
	if !b.terminal {
		if now := time.Now(); now.Sub(b.last) >= QuietEvery {
			b.last = now
			for _, line := range lines {
				_, _ = say(b.out, "mediaferry: %s\n", line)
			}
		}
		return
	}
	var text strings.Builder
	b.back(&text)
	for _, line := range lines {
		text.WriteString(b.fit(line) + "\n")
	}
	b.drawn = len(lines)
	_, _ = io.WriteString(b.out, text.String())
}

// Clear takes the lines away.
func (b *Board) Clear() {
	var text strings.Builder
	b.back(&text)
	b.drawn = 0
	_, _ = io.WriteString(b.out, text.String())
}

func (b *Board) back(text *strings.Builder) {
	if b.drawn > 0 {
		fmt.Fprintf(text, "\x1b[%dA\r\x1b[J", b.drawn)
	}
}

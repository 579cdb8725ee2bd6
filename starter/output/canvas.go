package output

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// canvas is some lines of a terminal that are drawn over. Between two drawings the cursor
// stands at the beginning of the first of them: a terminal that became narrower, and breaks
// lines anew, leaves it there, so that what is erased next is what was drawn.
type canvas struct {
	screen
	out   io.Writer
	drawn bool
}

func canvasOn(out io.Writer) canvas { return canvas{screen: screenOf(out), out: out} }

// Terminal reports whether lines are drawn on a terminal.
func (c *canvas) Terminal() bool { return c.terminal }

// draw shows lines in place of those that were shown.
func (c *canvas) draw(lines []string) {
	if rows := c.rows(); rows > 1 { // a line that scrolled away could not be reached
		lines = lines[:min(len(lines), rows-1)]
	}
	var text strings.Builder
	text.WriteString("\r\x1b[J")
	for i, line := range lines {
		if i > 0 {
			text.WriteString("\r\n")
		}
		text.WriteString(line)
	}
	text.WriteString("\r")
	if up := len(lines) - 1; up > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", up)
	}
	c.drawn = len(lines) > 0
	_, _ = io.WriteString(c.out, text.String())
}

// Clear takes the lines away, so that something else can be written.
func (c *canvas) Clear() {
	if c.drawn {
		_, _ = io.WriteString(c.out, "\r\x1b[J")
		c.drawn = false
	}
}

// colour is how a text is set off from others.
type colour string

const (
	green  colour = "32"
	yellow colour = "33"
	red    colour = "31"
)

// paint colours a text, on a terminal whose user has not said otherwise.
func (s screen) paint(with colour, text string) string {
	if !s.colours || text == "" {
		return text
	}
	return "\x1b[" + string(with) + "m" + text + "\x1b[0m"
}

// wantsColours reports whether the environment allows colours: see no-color.org.
func wantsColours() bool { return os.Getenv("NO_COLOR") == "" }

// columns is how wide a text is on a terminal.
func columns(text string) (n int) {
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// shortened is as much of a text as fits into columns; an ellipsis stands for the rest.
func shortened(text string, most int) string {
	if columns(text) <= most {
		return text
	}
	at, used := 0, 0
	for i, r := range text {
		if used+columnsOf(r) > most-1 {
			break
		}
		used += columnsOf(r)
		at = i + len(string(r))
	}
	if most < 1 {
		return ""
	}
	return text[:at] + "…"
}

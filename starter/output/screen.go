package output

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// screen is the terminal behind an output, if there is one.
type screen struct {
	terminal bool
	width    func() int // in columns, 0 where that is unknown: it may change at any time
}

func screenOf(out io.Writer) screen {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return screen{width: func() int { return 0 }}
	}
	return screen{terminal: true, width: func() int {
		columns, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0
		}
		return columns
	}}
}

// fit shortens a line that is to be drawn over: one that wraps would be two, and
// the next would stand below the first of them.
func (s screen) fit(line string) string {
	if most := s.width() - 1; most > 0 {
		return shortened(line, most)
	}
	return line
}

func shortened(line string, most int) string {
	runes := []rune(line)
	return string(runes[:min(len(runes), most)])
}

// Visible spells out what a terminal would interpret: names of files and words of
// vendors may hold line breaks and escape sequences.
func Visible(text string) string {
	if !strings.ContainsFunc(text, interpreted) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if interpreted(r) {
			spelled := strconv.QuoteRune(r)
			b.WriteString(spelled[1 : len(spelled)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func interpreted(r rune) bool { return !unicode.IsGraphic(r) }

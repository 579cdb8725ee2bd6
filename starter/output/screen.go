package output

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"golang.org/x/term"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// screen is the terminal behind an output, if there is one.
type screen struct {
	terminal bool
	colours  bool
	size     func() (columns, rows int) // 0 where that is unknown: it may change at any time
}

// width is the number of columns; 0 where that is unknown.
func (s screen) width() int {
	columns, _ := s.size()
	return columns
}

// rows is the number of rows; 0 where that is unknown.
func (s screen) rows() int {
	_, rows := s.size()
	return rows
}

// screenOf finds the terminal behind an output. One that cannot move its cursor is none.
func screenOf(out io.Writer) screen {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return screen{size: func() (int, int) { return 0, 0 }}
	}
	return screen{terminal: true, colours: wantsColours(), size: func() (int, int) {
		columns, rows, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0, 0
		}
		return columns, rows
	}}
}

// fit shortens a line that is to be drawn over: one that wraps would be two.
func (s screen) fit(line string) string {
	line = Visible(line)
	if most := s.width() - 1; most > 0 {
		return shortened(line, most)
	}
	return line
}

// Visible spells out what a terminal would interpret.
func Visible(text string) string { return upload.Visible(text) }

// say writes a text for people. A terminal interprets nothing of its arguments, and each
// stays on its line.
func say(w io.Writer, format string, args ...any) (int, error) {
	shown := make([]any, len(args))
	for i, arg := range args {
		switch reflect.ValueOf(arg).Kind() {
		case reflect.Int, reflect.Int64, reflect.Float64, reflect.Bool:
			shown[i] = arg
		default:
			shown[i] = Visible(fmt.Sprint(arg))
		}
	}
	return fmt.Fprintf(w, format, shown...)
}

// visibleLines is Visible for a text that may have several lines.
func visibleLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Visible(line)
	}
	return strings.Join(lines, "\n")
}

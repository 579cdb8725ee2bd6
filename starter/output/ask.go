package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Asker asks the person at the terminal.
type Asker struct {
	in  *os.File
	out io.Writer
}

// Asks returns what asks on this console, or nil if nobody is at a terminal. Questions
// are shown there also where messages go elsewhere.
func (c Console) Asks(in *os.File) *Asker {
	if !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	if out, is := c.Err.(*os.File); is && term.IsTerminal(int(out.Fd())) {
		return &Asker{in, out}
	}
	out, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return nil
	}
	return &Asker{in, out}
}

// Note shows a line to the person who is asked.
func (a *Asker) Note(format string, args ...any) {
	_, _ = fmt.Fprintf(a.out, "%s\n", visibleLines(fmt.Sprintf(format, args...)))
}

// Line asks for a line.
func (a *Asker) Line(ctx context.Context, question string) (string, error) {
	return a.ask(ctx, question, a.line)
}

// Secret asks for a line that the terminal does not show.
func (a *Asker) Secret(ctx context.Context, question string) (string, error) {
	fd := int(a.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	defer func() {
		_ = term.Restore(fd, before) // an interrupt leaves the reader, and the terminal must show again what is typed
		_, _ = fmt.Fprintln(a.out)
	}()
	return a.ask(ctx, question, func() (string, error) {
		raw, err := term.ReadPassword(fd)
		return string(raw), err
	})
}

// ask ends with the command's context also while nobody answers.
func (a *Asker) ask(ctx context.Context, question string, read func() (string, error)) (string, error) {
	if _, err := fmt.Fprint(a.out, question); err != nil {
		return "", err
	}
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case got := <-answers:
		if errors.Is(got.err, io.EOF) {
			return "", errors.New("the terminal was closed before all questions were answered; nothing was changed")
		}
		return got.text, got.err
	}
}

// line reads up to the end of a line and not beyond it: what is typed ahead belongs to
// the next question.
func (a *Asker) line() (string, error) {
	var text []byte
	for one := make([]byte, 1); ; {
		n, err := a.in.Read(one)
		switch {
		case n > 0 && one[0] == '\n':
			return string(text), nil
		case n > 0:
			text = append(text, one[0])
		case err != nil:
			return string(text), err
		}
	}
}

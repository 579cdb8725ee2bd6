package output

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Paged writes a text to the person at the terminal: through a pager where it is longer
// than the screen, and as it is elsewhere. The pager is that of $PAGER, or less; with
// PAGER=cat or an empty PAGER there is none. A person who leaves it early has seen enough.
func (c Console) Paged(write func(out io.Writer) error) error {
	s := screenOf(c.Out)
	program, wanted := os.LookupEnv("PAGER")
	if !wanted {
		program = "less"
	}
	words := strings.Fields(program)
	if !s.terminal || len(words) == 0 || words[0] == "cat" {
		return write(c.Out)
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		return write(c.Out)
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	if strings.Count(text.String(), "\n") < s.rows() {
		_, err := c.Out.Write(text.Bytes())
		return err
	}
	pager := exec.Command(path, words[1:]...) //nolint:gosec // the user's own choice
	pager.Stdin, pager.Stdout, pager.Stderr = &text, c.Out, c.Err
	pager.Env = append(os.Environ(), "LESS="+lessOptions())
	_ = pager.Run() // it was left early, or has said itself what it lacks
	return nil
}

// lessOptions are those of the environment, else: lines are cut and not wrapped, colours
// are shown, and the text stays on the screen.
func lessOptions() string {
	if given := os.Getenv("LESS"); given != "" {
		return given
	}
	return "SRX"
}

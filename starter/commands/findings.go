package commands

import (
	"errors"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/starter/output"
)

// findings prints what a command checks or prepares, one by one, and counts the problems.
type findings struct {
	p        output.Printer
	width    int // of the names of what is checked
	problems int
	err      error // of printing
}

// problem is the state of what a person has to correct.
const problem = "problem"

// print prints one: for a person its state, of what it is, what there is to say and, below
// that, what to do; for a program the object that is made of the last two.
func (f *findings) print(state, what, detail, hint string, object func(detail, hint string) any) {
	if state == problem {
		f.problems++
	}
	detail, hint = output.Visible(egress.Redact(detail)), output.Visible(hint)
	if f.p.JSON {
		f.err = errors.Join(f.err, f.p.Object(object(detail, hint)))
		return
	}
	_, err := fmt.Fprintf(f.p.Out, "%-8s %-*s  %s\n", state, f.width, what, detail)
	if err == nil && hint != "" {
		_, err = fmt.Fprintf(f.p.Out, "%*s  %s\n", len("problem  ")+f.width, "", hint)
	}
	f.err = errors.Join(f.err, err)
}

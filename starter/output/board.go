package output

import (
	"io"
	"time"
)

// Board shows some lines that change: redrawn in their place on a terminal,
// now and then elsewhere.
type Board struct {
	canvas
	last time.Time
}

// NewBoard returns an empty board on an output.
func NewBoard(out io.Writer) *Board {
	return &Board{canvas: canvasOn(out), last: time.Now()}
}

// Draw shows the lines in place of those that were shown.
func (b *Board) Draw(lines []string) {
	if b.terminal {
		fitting := make([]string, len(lines))
		for i, line := range lines {
			fitting[i] = b.fit(line)
		}
		b.draw(fitting)
		return
	}
	b.tell(lines)
}

// DrawBatch shows a batch, a line for each account.
func (b *Board) DrawBatch(v BatchView) {
	if b.terminal {
		b.draw(v.drawn(b.screen, time.Now()))
		return
	}
	b.tell(v.Lines())
}

// tell writes the lines now and then.
func (b *Board) tell(lines []string) {
	now := time.Now()
	if now.Sub(b.last) < QuietEvery {
		return
	}
	b.last = now
	for _, line := range lines {
		_, _ = say(b.out, "mediaferry: %s\n", line)
	}
}

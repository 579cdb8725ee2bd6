package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// board shows some lines that change: drawn anew in their place on a terminal,
// the first of them now and then elsewhere.
type board struct {
	screen
	out   io.Writer
	drawn int // lines on the terminal
	last  time.Time
}

func newBoard(out io.Writer) *board {
	return &board{screen: screenOf(out), out: out, last: time.Now()}
}

// draw shows the lines in place of those that were shown.
func (b *board) draw(lines []string) {
	if !b.terminal {
		if now := time.Now(); now.Sub(b.last) >= quietEvery {
			b.last = now
			for _, line := range lines {
				_, _ = fmt.Fprintf(b.out, "mediaferry: %s\n", line)
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

// clear takes the lines away.
func (b *board) clear() {
	var text strings.Builder
	b.back(&text)
	b.drawn = 0
	_, _ = io.WriteString(b.out, text.String())
}

func (b *board) back(text *strings.Builder) {
	if b.drawn > 0 {
		fmt.Fprintf(text, "\x1b[%dA\r\x1b[J", b.drawn)
	}
}

// lines are a batch for those who watch: the whole in one line, and on a
// terminal a line for each account.
func (v batchView) lines(accounts bool) []string {
	n := v.numbers
	head := fmt.Sprintf("batch %s %s: %d of %d rows, %d in flight", n.Batch, stateWords(v.batch), n.Total-n.Waiting-n.InProgress, n.Total, n.InProgress)
	if n.Rate > 0 {
		head += fmt.Sprintf(", %.1f/s", n.Rate)
	}
	if n.Failed > 0 {
		head += fmt.Sprintf(", %d failed", n.Failed)
	}
	if n.Unconfirmed > 0 {
		head += fmt.Sprintf(", %d unconfirmed", n.Unconfirmed)
	}
	head += etaWords(n)
	if !accounts {
		all := []string{head}
		for _, a := range v.accounts {
			all = append(all, "  "+a.plain())
		}
		return all
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ACCOUNT\tDONE\tIN FLIGHT\tROWS/S\t429\tFAILED\tLEFT") // a builder takes everything
	for _, a := range v.accounts {
		_, _ = fmt.Fprintf(w, "%s\t%d of %d\t%d\t%.1f\t%d\t%d\t%s\n", a.name, a.done, a.total, a.inFlight, a.rate, a.slowdowns, a.failed, a.left())
	}
	_ = w.Flush()
	return append([]string{head}, strings.Split(strings.TrimSuffix(table.String(), "\n"), "\n")...)
}

// plain is an account in one line.
func (a accountView) plain() string {
	text := fmt.Sprintf("%s: %d of %d, %d in flight, %.1f/s, 429 %d times, %d failed", a.name, a.done, a.total, a.inFlight, a.rate, a.slowdowns, a.failed)
	if left := a.left(); left != "" {
		text += ", " + left
	}
	return text
}

// left is how long the account's rows take, or why they do not go on.
func (a accountView) left() string {
	switch {
	case a.done == a.total:
		return "done"
	case a.paused.Paused:
		return "paused"
	case a.rate > 0:
		return (time.Duration(float64(a.total-a.done)/a.rate) * time.Second).String() + " left"
	}
	return ""
}

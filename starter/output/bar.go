package output

import (
	"fmt"
	"slices"
	"strings"
)

const (
	barLeast  = 5  // columns of a bar; a shorter one tells nothing
	barGood   = 8  // for which a state makes room
	barMost   = 40 // a longer one tells no more
	restLeast = 8  // columns of a text that was shortened, for it to tell anything
	narrow    = 60 // columns of a screen on which nothing is wasted
)

// segment is one of the things that a line tells. Of a line that is too long, those of the
// highest rank are left out first.
type segment struct {
	text  string
	rank  int
	short string // for a narrow screen; "" where text serves
}

// gauge is a line that tells how far something is.
type gauge struct {
	name     string  // in front of the bar; "" for none
	share    float64 // 0 to 1; less than 0: not known
	segments []segment
	rest     string // the last of all, which is shortened as it must be
	restRank int
	trouble  bool // what rest tells needs somebody's attention
	gap      string
}

// add adds what a line tells.
func (g *gauge) add(rank int, format string, args ...any) {
	g.segments = append(g.segments, segment{text: fmt.Sprintf(format, args...), rank: rank})
}

// plain is the whole line without a bar, for where there is no terminal.
func (g gauge) plain() string {
	var texts []string
	if g.share >= 0 {
		texts = append(texts, percent(g.share))
	}
	for _, s := range g.segments {
		texts = append(texts, s.text)
	}
	line := strings.Join(texts, ", ")
	if g.name != "" {
		line = g.name + ": " + line
	}
	if g.rest != "" && line != "" {
		line += "; "
	}
	return line + g.rest
}

// fitted are lines within the width of a screen, with bars of one length where there is
// room for them, and without what matters least.
func fitted(s screen, gauges ...gauge) []string {
	most := s.width() - 1
	if most <= 0 {
		most = 79
	}
	room := barMost
	for i := range gauges {
		g := &gauges[i]
		g.name = shortened(Visible(g.name), most-len("100%")-2)
		g.rest = Visible(g.rest)
		g.segments = slices.Clone(g.segments)
		if g.gap = "  "; most < narrow {
			g.tighten()
		}
		if g.share >= 0 {
			g.shrink(most-barGood-1, rankState) // what is less than a bar makes room for it
			g.shrink(most-barLeast-1, rankSent)
		}
		g.shrink(most, 0)
		room = min(room, most-g.columns()-1)
	}
	lines := make([]string, len(gauges))
	for i, g := range gauges {
		lines[i] = g.drawn(s, room)
	}
	return lines
}

// tighten saves columns.
func (g *gauge) tighten() {
	g.gap = " "
	for i, s := range g.segments {
		if s.short != "" {
			g.segments[i].text = s.short
		}
	}
}

// shrink leaves out what matters least until the line fits, but nothing of a rank below
// least. The rest is shortened rather than left out.
func (g *gauge) shrink(most, least int) {
	for g.columns() > most {
		worst := -1
		for i, s := range g.segments {
			if worst < 0 || s.rank > g.segments[worst].rank {
				worst = i
			}
		}
		if worst >= 0 && (g.rest == "" || g.segments[worst].rank >= g.restRank) {
			if g.segments[worst].rank < least {
				return
			}
			g.segments = slices.Delete(g.segments, worst, worst+1)
			continue
		}
		if g.rest == "" || g.restRank < least {
			return
		}
		g.rest = shortened(g.rest, columns(g.rest)-(g.columns()-most))
		if columns(g.rest) < restLeast {
			g.rest = ""
		}
	}
}

// drawn puts a line together, with a bar of so many columns.
func (g gauge) drawn(s screen, room int) string {
	var line strings.Builder
	if g.name != "" {
		line.WriteString(g.name + g.gap)
	}
	if g.share >= 0 && room >= barLeast {
		line.WriteString(bar(s, g.share, room) + " ")
	}
	line.WriteString(g.told())
	if rest := g.rest; rest != "" {
		if g.trouble {
			rest = s.paint(yellow, rest)
		}
		if line.Len() > 0 {
			line.WriteString(g.gap)
		}
		line.WriteString(rest)
	}
	return line.String()
}

// told is what a line tells between its bar and its rest.
func (g gauge) told() string {
	var texts []string
	if g.share >= 0 {
		texts = append(texts, fmt.Sprintf("%4s", percent(g.share)))
	}
	for _, s := range g.segments {
		texts = append(texts, Visible(s.text))
	}
	return strings.Join(texts, g.gap)
}

// columns is how wide a line is without its bar.
func (g gauge) columns() int {
	n := columns(g.told())
	if g.name != "" {
		n += columns(g.name) + len(g.gap)
	}
	if g.rest != "" {
		n += columns(g.rest) + len(g.gap)
	}
	return n
}

// bar draws a share of a whole.
func bar(s screen, share float64, wide int) string {
	full := min(int(share*float64(wide)), wide)
	return s.paint(green, strings.Repeat("█", full)) + strings.Repeat("░", wide-full)
}

// percent is a share in whole percents: only what is complete is 100 %.
func percent(share float64) string { return fmt.Sprintf("%d%%", int(share*100)) }

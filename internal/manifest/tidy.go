package manifest

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// trimmed is a text without the blanks of any script at its ends.
func trimmed(text string) string { return strings.TrimFunc(text, unicode.IsSpace) }

// empty reports whether nothing is left of a cell without blanks and without what
// programs leave behind: an end-of-file character, or a page break.
func empty(cell string) bool {
	return strings.TrimFunc(cell, vacant) == ""
}

func vacant(r rune) bool { return unicode.IsSpace(r) || r == '\x1a' || weightless(r) }

// weightless reports characters that take no room, as they are left in a text that
// was copied from elsewhere.
func weightless(r rune) bool {
	return r == '\u200b' || r == '\u2060' || r == '\ufeff'
}

// tidy is the text of a cell without what programs put around it. taken says that the
// sign of a text was taken off, which is done for identifiers alone.
func tidy(text string, identifier bool) (tidied string, taken bool) {
	if !identifier {
		return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || weightless(r) }), false
	}
	text = trimmed(text)
	if bare, is := textSign(text); is {
		return trimmed(bare), true
	}
	return text, false
}

// textSign returns what stands behind the sign of a text: ="007" and '007 are how
// spreadsheets are told that 007 is no number. A text in a pair of quotes has none.
func textSign(text string) (bare string, is bool) {
	if inner, formula := strings.CutPrefix(text, `="`); formula && strings.HasSuffix(inner, `"`) {
		inner = strings.TrimSuffix(inner, `"`)
		if undoubled := strings.ReplaceAll(inner, `""`, ""); !strings.Contains(undoubled, `"`) {
			return strings.ReplaceAll(inner, `""`, `"`), true
		}
		return text, false
	}
	bare, is = strings.CutPrefix(text, "'")
	if !is || bare == "" || strings.HasSuffix(bare, "'") {
		return text, false
	}
	return bare, true
}

// signs counts the signs of texts that were taken off, by column.
type signs struct {
	columns []string // in order of appearance
	taken   map[string]*sign
}

type sign struct {
	count, line int
	given, text string // the first one
}

func (s *signs) add(column, given, text string, line int) {
	known := s.taken[column]
	if known == nil {
		if s.taken == nil {
			s.taken = map[string]*sign{}
		}
		if len(s.columns) == mostColumns {
			return
		}
		known = &sign{line: line, given: given, text: text}
		s.taken[column], s.columns = known, append(s.columns, column)
	}
	known.count++
}

// problems are a warning for each column.
func (s *signs) problems() []Problem {
	var all []Problem
	for _, column := range s.columns {
		one := s.taken[column]
		p := problem(SortDamage, clipped(column), "the sign that marks a text in spreadsheets was taken off %s; in the first one, %s is sent as %s", cellCount(one.count), shown(one.given), shown(one.text)).
			hint("to keep it, use --literal %s", clipped(column)).warn()
		p.Line = one.line
		all = append(all, *p)
	}
	return all
}

func cellCount(n int) string {
	if n == 1 {
		return "1 cell"
	}
	return fmt.Sprintf("%d cells", n)
}

// literal reports whether the cells of a column are taken as they are: --literal names
// it, or the object that it is a part of.
func (c *checker) literal(column string) bool {
	all := c.layout.Literal
	return len(all) > 0 && (slices.Contains(all, column) || slices.Contains(all, c.columns.base(column)))
}

// absentLiteral warns of columns that are to be taken as they are, and that the header
// does not have.
func (c *checker) absentLiteral() []*Problem {
	if !c.layout.Format.headed() {
		return nil
	}
	var problems []*Problem
	for _, name := range c.layout.Literal {
		if !slices.ContainsFunc(c.layout.Columns, func(column string) bool { return column == name || c.columns.base(column) == name }) {
			problems = append(problems, problem(SortColumn, name, "--literal names the column, but the manifest does not have it").hint("remove --literal %s", name).warn())
		}
	}
	return problems
}

// bareName is a name of a column as it is meant: nothing that cannot be seen belongs to
// it.
func bareName(name string) string {
	return trimmed(strings.Map(func(r rune) rune {
		if unseen(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, name))
}

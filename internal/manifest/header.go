package manifest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// mostColumns bounds what is kept of a header, or of the keys of JSON Lines.
const mostColumns = 1000

// separators are those that a manifest may have; the first is taken where the
// header does not tell.
var separators = []byte{',', ';', '\t'}

// readHeader finds the separator and the columns of a CSV file. It fails where
// the first line is no header; lesser problems come as such.
func readHeader(in *lines, place Place, known *columns) (*csvRows, []Problem, error) {
	first, err := firstLine(in, place)
	if err != nil {
		return nil, nil, err
	}
	r := newCSVRows(in, announced(first.text), nil)
	if r.split.separator == 0 {
		r.split.separator = separatorOf(first.text, known)
		r.held = []line{first}
	}
	record, err := r.record()
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil, invalid(place, "has no header").WithHint("the first line names the columns: source,to,id")
	case err != nil:
		return nil, nil, err
	case record.fault != nil:
		return nil, nil, invalid(place, "has a header in line %d that cannot be read: %s", record.first.number, record.fault.what()).WithHint("%s", record.fault.Hint)
	}
	names := headerNames(record.cells)
	if !slices.ContainsFunc(names, known.known) {
		return nil, nil, noHeader(place, record, known)
	}
	if len(names) > mostColumns {
		return nil, nil, invalid(place, "has %d columns, want at most %d", len(names), mostColumns).WithHint("remove those that are not needed")
	}
	r.columns, r.source = names, slices.Index(names, columnSource)
	return r, checkHeader(names, record.first.number, known), nil
}

// firstLine skips blank lines in front of the header.
func firstLine(in *lines, place Place) (line, error) {
	for {
		first, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return line{}, invalid(place, "holds nothing but blank lines").WithHint("the first line names the columns: source,to,id")
		case err != nil:
			return line{}, err
		case first.long:
			return line{}, invalid(place, "has a first line of more than %d bytes", mostRow).WithHint("check that it is a manifest: CSV with a header row, or JSON Lines")
		case len(bytes.TrimSpace(first.text)) > 0:
			first.text = bytes.Clone(first.text)
			return first, nil
		}
	}
}

// announced is the separator of a line such as sep=; that spreadsheets put
// before the header; 0 where the line is none.
func announced(text []byte) byte {
	text = bytes.Trim(text, `"`)
	rest, found := bytes.CutPrefix(bytes.ToLower(text), []byte("sep="))
	if !found || len(rest) != 1 || bytes.IndexByte(separators, rest[0]) < 0 {
		return 0
	}
	return rest[0]
}

// separatorOf is the one that finds the most known columns in a header, and
// among equals the one that finds the most columns.
func separatorOf(header []byte, known *columns) byte {
	best, most := separators[0], [2]int{}
	for _, separator := range separators {
		score := [2]int{}
		score[0], score[1] = columnsIn(header, separator, known)
		if slices.Compare(score[:], most[:]) > 0 {
			best, most = separator, score
		}
	}
	return best
}

// columnsIn counts the columns of a header line, and those that are known.
func columnsIn(header []byte, separator byte, known *columns) (sure, all int) {
	s := splitter{separator: separator}
	s.feed(header)
	for _, name := range s.cells() {
		if known.known(name) {
			sure++
		}
	}
	return sure, len(s.ends)
}

// headerNames are the columns, without the nameless ones at the end, which
// spreadsheets add.
func headerNames(cells []string) []string {
	last := 0
	for i, cell := range cells {
		if cell != "" {
			last = i + 1
		}
	}
	return cells[:last]
}

// noHeader says what the first line is instead of a header.
func noHeader(place Place, first record, known *columns) *upload.Error {
	text, names := first.first.text, headerNames(first.cells)
	number := first.first.number
	if !utf8.Valid(text) {
		return invalid(place, "has a line %d that is not UTF-8", number).WithHint("%s", encodingHint)
	}
	for _, separator := range []string{"|", ":", "^", "~", " "} {
		for name := range strings.SplitSeq(string(text), separator) {
			if known.known(strings.Trim(name, ` "`)) && len(text) > len(name) {
				return invalid(place, "has the separator %q in line %d, want a comma, a semicolon or a tab", separator, number).
					WithHint("save it as CSV again, separated by commas")
			}
		}
	}
	e := invalid(place, "has no header: line %d is %s, and none of that is a column", number, shown(strings.Join(names, ", ")))
	for _, name := range names {
		if near := suggest.Nearest(name, known.names); near != "" {
			return e.WithHint("did you mean %s by %s? The columns of every manifest are %s", near, shown(name), strings.Join(ownColumns(), ", "))
		}
	}
	return e.WithHint("write the names of the columns into the first line, such as source,to,id; or write JSON Lines, one object a line")
}

// checkHeader finds columns that are unknown, stand twice, or are not there.
func checkHeader(names []string, number int, known *columns) []Problem {
	var problems []Problem
	add := func(p *Problem) {
		p.Line = number
		problems = append(problems, *p)
	}
	for i, name := range names {
		switch {
		case name == "":
		case slices.Contains(names[:i], name):
			add(problem(SortColumn, clipped(name), "stands in the header twice").hint("keep one of the two columns"))
		case !known.known(name):
			add(known.unknown(name))
		}
	}
	if !slices.Contains(names, columnSource) {
		add(problem(SortColumn, columnSource, "is missing: every manifest has it").hint("add a column of that name, with a path or a URL in each row"))
	}
	return problems
}

package manifest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/sheet"
	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// mostColumns bounds the columns of a header, and the different keys of JSON Lines.
const mostColumns = 1000

// separators are those that CSV may have. The first one is used if the header does
// not tell.
var separators = []byte{',', ';', '\t'}

// readHeader finds the separator and the columns of a CSV file. It fails if the
// first line is not a header; smaller problems are returned as problems.
func readHeader(in *lines, place Place, known *columns) (*csvRows, []Problem, error) {
	first, err := firstLine(in, place, "has only blank lines")
	if err != nil {
		return nil, nil, err
	}
	separator, said := announced(string(first.text))
	if said {
		if separator != 0 && bytes.IndexByte(separators, separator) < 0 {
			return nil, nil, wrongSeparator(place, string(separator), first.number)
		}
		if first, err = firstLine(in, place, "has no header"); err != nil {
			return nil, nil, err
		}
	}
	if sure, _ := columnsIn(first.text, separator, known); separator == 0 || sure == 0 {
		separator = separatorOf(first.text, known)
	}
	r := newCSVRows(in, separator, nil)
	r.held = []line{first}
	record, err := r.record()
	switch {
	case err != nil:
		return nil, nil, err
	case record.fault != nil:
		return nil, nil, invalid(place, "has an unreadable header in line %d: %s", record.first.number, record.fault.what()).WithHint("%s", record.fault.Hint)
	}
	names := headerNames(record.cells)
	if !slices.ContainsFunc(names, known.known) {
		return nil, nil, noHeader(place, record, known)
	}
	if len(names) > mostColumns {
		return nil, nil, invalid(place, "has %d columns but may have at most %d", len(names), mostColumns).WithHint("remove the columns that are not needed")
	}
	r.columns, r.source = names, slices.Index(names, columnSource)
	return r, checkHeader(names, record.first.number, known), nil
}

// firstLine skips blank lines before the header; missing is what is said if there is
// nothing else.
func firstLine(in *lines, place Place, missing string) (line, error) {
	for {
		first, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return line{}, invalid(place, "%s", missing).WithHint("the first line must name the columns, for example source,to,id")
		case err != nil:
			return line{}, err
		case first.long:
			return line{}, invalid(place, "has a first line of more than %d bytes", mostRow).WithHint("check that the file is a manifest: CSV with a header row, or JSON Lines")
		case !empty(string(first.text)):
			first.text = bytes.Clone(first.text)
			return first, nil
		}
	}
}

// announced returns the separator of a line such as sep=; which spreadsheet programs
// write before the header, and whether the line is one. A program that took the line
// for a row has put it in quotes, or added empty cells. The separator is 0 if the line
// names none.
func announced(text string) (separator byte, is bool) {
	text = strings.TrimLeftFunc(strings.ReplaceAll(text, `"`, ""), vacant)
	if len(text) < len("sep=") || !strings.EqualFold(text[:len("sep=")], "sep=") {
		return 0, false
	}
	text = strings.Replace(text[len("sep="):], `\t`, "\t", 1)
	switch rest := strings.Trim(text, ",;\t "); {
	case len(rest) == 1:
		return rest[0], true
	case rest != "":
		return 0, false
	case strings.TrimLeft(text, " ") == "":
		return 0, true
	}
	return strings.TrimLeft(text, " ")[0], true
}

func wrongSeparator(place Place, separator string, number int) *upload.Error {
	return invalid(place, "has the separator %q in line %d; use a comma, a semicolon or a tab", separator, number).
		WithHint("save the file again as CSV with commas")
}

// separatorOf returns the separator that finds the most known columns in a header,
// and among equals the one that finds the most columns.
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

// columnsIn counts the known columns of a header line, and all of them.
func columnsIn(header []byte, separator byte, known *columns) (sure, all int) {
	s := splitter{separator: separator}
	s.feed(header)
	for _, name := range s.cells() {
		if known.known(bareName(name)) {
			sure++
		}
	}
	return sure, len(s.ends)
}

// headerNames are the columns as they are meant, without the unnamed ones at the end,
// which spreadsheet programs add.
func headerNames(cells []string) []string {
	names, last := make([]string, len(cells)), 0
	for i, cell := range cells {
		if names[i] = bareName(sheet.Unguard(cell)); names[i] != "" {
			last = i + 1
		}
	}
	return names[:last]
}

// noHeader is the error of a first line that is not a header, and says what it is.
func noHeader(place Place, first record, known *columns) *upload.Error {
	text, names := first.first.text, headerNames(first.cells)
	number := first.first.number
	if !utf8.Valid(text) {
		return invalid(place, "is not UTF-8 in line %d", number).WithHint("%s", encodingHint(text, guess(text)))
	}
	for _, separator := range []string{"|", ":", "^", "~", " "} {
		for name := range strings.SplitSeq(string(text), separator) {
			if known.known(strings.Trim(name, ` "`)) && len(text) > len(name) {
				return wrongSeparator(place, separator, number)
			}
		}
	}
	e := invalid(place, "has no header: line %d is %s, which names no known column", number, shown(strings.Join(names, ", ")))
	for _, name := range names {
		if near := suggest.Nearest(name, known.names); near != "" {
			return e.WithHint("did you mean %s instead of %s? Columns of every manifest: %s", near, shown(name), strings.Join(ownColumns(), ", "))
		}
	}
	return e.WithHint("name the columns in the first line, for example source,to,id; or use JSON Lines, with one object per line")
}

// checkHeader finds unknown, duplicate and missing columns.
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
			add(problem(SortColumn, clipped(name), "appears twice in the header").hint("remove one of the two columns"))
		case !known.known(name):
			add(known.unknown(name))
		}
	}
	if !slices.Contains(names, columnSource) {
		add(problem(SortColumn, columnSource, "the column is missing; every manifest needs it").hint("add a column named source, with a path or a URL in each row"))
	}
	return problems
}

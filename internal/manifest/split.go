package manifest

import "bytes"

// splitter splits a CSV record into cells, line by line. Spaces around a cell are
// ignored unless they are quoted.
type splitter struct {
	separator byte

	text  []byte // the text of all cells, one after another, without quotes
	ends  []int  // the end of each cell in text
	open  bool   // a quoted cell continues in the next line
	fault string // what is wrong with the quotes of cell len(ends)
}

func (s *splitter) reset() {
	s.text, s.ends, s.open, s.fault = s.text[:0], s.ends[:0], false, ""
}

// feed adds the first or the next line of a record.
func (s *splitter) feed(line []byte) {
	more := true
	if s.open {
		line, more = s.inside(line)
	}
	for more {
		if cell := s.skip(line); len(cell) > 0 && cell[0] == '"' {
			line, more = s.inside(cell[1:])
		} else {
			line, more = s.bare(cell)
		}
	}
}

// inside reads a quoted cell after its opening quote. It returns the text after the
// cell, and whether another cell follows.
func (s *splitter) inside(line []byte) (rest []byte, more bool) {
	s.open = true
	for {
		quote := bytes.IndexByte(line, '"')
		if quote < 0 {
			s.text = append(s.text, line...)
			return nil, false
		}
		s.text = append(s.text, line[:quote]...)
		line = line[quote+1:]
		if len(line) == 0 || line[0] != '"' {
			break
		}
		s.text = append(s.text, '"')
		line = line[1:]
	}
	s.open = false
	rest = s.skip(line)
	if len(rest) > 0 && rest[0] != s.separator {
		s.fault = "continues after its closing quote"
		return nil, false
	}
	s.ends = append(s.ends, len(s.text))
	if len(rest) == 0 {
		return nil, false
	}
	return rest[1:], true
}

// bare reads a cell without quotes around it.
func (s *splitter) bare(line []byte) (rest []byte, more bool) {
	cell, formula := line, s.formula(line)
	if end := bytes.IndexByte(line[formula:], s.separator); end >= 0 {
		end += formula
		cell, rest, more = line[:end], line[end+1:], true
	}
	if bytes.IndexByte(cell[formula:], '"') >= 0 {
		s.fault = "contains a quote but does not start with one"
		return nil, false
	}
	for len(cell) > 0 && s.blank(cell[len(cell)-1]) {
		cell = cell[:len(cell)-1]
	}
	s.text = append(s.text, cell...)
	s.ends = append(s.ends, len(s.text))
	return rest, more
}

// formula returns the length of ="007" at the start of a line, which is how programs
// write a text that spreadsheets must not take for a number; or 0.
func (s *splitter) formula(line []byte) int {
	if !bytes.HasPrefix(line, []byte(`="`)) {
		return 0
	}
	for at := len(`="`); at < len(line); at++ {
		if line[at] != '"' {
			continue
		}
		if at++; at == len(line) || line[at] != '"' {
			return at
		}
	}
	return 0
}

func (s *splitter) skip(line []byte) []byte {
	for len(line) > 0 && s.blank(line[0]) {
		line = line[1:]
	}
	return line
}

func (s *splitter) blank(b byte) bool {
	return b == ' ' || b == '\t' && s.separator != '\t'
}

// cells returns the record's cells as strings that stay valid.
func (s *splitter) cells() []string {
	text, cells, start := string(s.text), make([]string, len(s.ends)), 0
	for i, end := range s.ends {
		cells[i] = text[start:end]
		start = end
	}
	return cells
}

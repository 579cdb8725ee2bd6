package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// jsonRows reads the rows of a JSON Lines file.
type jsonRows struct {
	lines *lines
	// seen are the keys in order of appearance, for a copy of some rows.
	seen  []string
	known map[string]bool // those in seen
}

func (r *jsonRows) position() Position {
	return Position{Line: r.lines.number, Offset: r.lines.after()}
}

func (r *jsonRows) next() (raw, error) {
	for {
		at := r.position()
		one, err := r.lines.next()
		if err != nil {
			return raw{}, err
		}
		if one.long {
			return raw{at: at, fault: tooLong()}, nil
		}
		text := bytes.TrimFunc(one.text, vacant) // a byte order mark may stand in the middle of joined files
		if len(text) == 0 {
			continue
		}
		cells, fault := parseObject(text)
		if fault == nil {
			fault = r.remember(cells)
		}
		if fault != nil {
			return raw{at: at, fault: fault, text: string(text)}, nil
		}
		return raw{at: at, cells: cells}, nil
	}
}

// remember notes the keys of a row.
func (r *jsonRows) remember(cells []Cell) *Problem {
	for _, cell := range cells {
		if r.known[cell.Column] {
			continue
		}
		if len(r.seen) == mostColumns {
			return problem(SortColumn, clipped(cell.Column), "the manifest already has %d different keys, which is the maximum", mostColumns).
				hint("write an object under one key, for example tags instead of tags.a and tags.b")
		}
		if r.known == nil {
			r.known = map[string]bool{}
		}
		r.known[cell.Column] = true
		r.seen = append(r.seen, cell.Column)
	}
	return nil
}

const lineHint = `write one object per line: {"source":"img/a.jpg","to":"ACCOUNT"}`

// parseObject reads the object in a line. Keys whose value is null or an empty
// string are absent, like empty cells.
func parseObject(text []byte) ([]Cell, *Problem) {
	if text[0] != '{' {
		return nil, problem(SortJSON, "", "the line is not a JSON object; it starts with %s", near(text)).hint(lineHint)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if _, err := decoder.Token(); err != nil {
		return nil, jsonFault(text)
	}
	var cells []Cell
	seen := map[string]bool{}
	for decoder.More() {
		cell, err := parseMember(decoder)
		if err != nil {
			return nil, jsonFault(text)
		}
		if p := checkKey(cell, seen); p != nil {
			return nil, p
		}
		seen[cell.Column] = true
		if cell.Text != "" && !ignored(cell.Column) {
			cells = append(cells, cell)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, jsonFault(text)
	}
	if rest := bytes.TrimSpace(text[decoder.InputOffset():]); len(rest) > 0 {
		return nil, problem(SortJSON, "", "the line continues after its object with %s", near(rest)).
			hint("%s, with nothing after it, not even a comma", lineHint)
	}
	return cells, nil
}

// mostKey is the length limit of a key in bytes.
const mostKey = 200

// checkKey rejects keys that could not be in a header, and duplicate keys, also
// within the value.
func checkKey(cell Cell, seen map[string]bool) *Problem {
	switch key := cell.Column; {
	case key == "":
		return problem(SortJSON, "", "the object has an empty key").hint("name the column, or remove the key and its value")
	case len(key) > mostKey:
		return problem(SortLength, clipped(key), "the key has %d bytes but may have at most %d", len(key), mostKey).hint("correct the key, or remove it and its value")
	case strings.ContainsFunc(key, invisible) || strings.ContainsRune(key, utf8.RuneError):
		return problem(SortJSON, clipped(key), "the key contains an invisible character").hint("type the key again by hand")
	case seen[key]:
		return twice(key, key)
	case cell.kind == kindObject || cell.kind == kindArray:
		if key := repeatedKey(json.NewDecoder(strings.NewReader(cell.Text))); key != "" {
			return twice(cell.Column, key)
		}
	}
	return nil
}

func twice(column, key string) *Problem {
	return problem(SortJSON, clipped(column), "duplicate key %s in the object", shown(key)).hint("remove one of the two")
}

// parseMember reads a key and its value.
func parseMember(decoder *json.Decoder) (Cell, error) {
	token, err := decoder.Token()
	if err != nil {
		return Cell{}, err
	}
	key, ok := token.(string)
	if !ok {
		return Cell{}, errors.New("a key is not a string")
	}
	var value json.RawMessage
	if err := decoder.Decode(&value); err != nil {
		return Cell{}, err
	}
	cell := Cell{Column: key, Text: string(value)}
	switch value[0] {
	case '"':
		err = json.Unmarshal(value, &cell.Text)
	case 'n':
		cell.Text = ""
	case 't', 'f':
		cell.kind = kindBoolean
	case '[':
		cell.kind = kindArray
	case '{':
		cell.kind = kindObject
	default:
		cell.kind = kindNumber
	}
	return cell, err
}

// repeatedKey returns a key that occurs twice in one object, at any depth, or "". The
// text must be valid JSON.
func repeatedKey(decoder *json.Decoder) string {
	token, err := decoder.Token()
	if err != nil {
		return ""
	}
	open, _ := token.(json.Delim)
	if open != '{' && open != '[' {
		return ""
	}
	seen := map[string]bool{}
	for decoder.More() {
		if open == '{' {
			token, err := decoder.Token()
			key, ok := token.(string)
			if err != nil || !ok {
				return ""
			}
			if seen[key] {
				return key
			}
			seen[key] = true
		}
		if key := repeatedKey(decoder); key != "" {
			return key
		}
	}
	_, _ = decoder.Token() // the closing bracket
	return ""
}

// jsonFault says where and why a line is not JSON. It parses the whole line again,
// because only that gives the exact position.
func jsonFault(text []byte) *Problem {
	var whole any
	var syntax *json.SyntaxError
	err := json.Unmarshal(text, &whole)
	if !errors.As(err, &syntax) {
		return problem(SortJSON, "", "the line is not valid JSON: %v", err).hint(lineHint)
	}
	at := int(syntax.Offset) - 1
	if at < 0 || at >= len(text) || strings.HasPrefix(syntax.Error(), "unexpected end") {
		return problem(SortJSON, "", "the JSON object is incomplete").hint("close all quotes, brackets and braces; an object must not continue on the next line")
	}
	where := fmt.Sprintf("invalid JSON at character %d, near %s", utf8.RuneCount(text[:at])+1, near(text[at:]))
	if bytes.HasSuffix(bytes.TrimSpace(text[:at]), []byte(",")) && (text[at] == '}' || text[at] == ']') {
		return problem(SortJSON, "", "%s: there is an extra comma before it", where).hint("remove the comma after the last value")
	}
	return problem(SortJSON, "", "%s", where).hint("use double quotes around keys and strings, a comma between pairs, and \\\" for quotes inside strings")
}

// near quotes the start of a text for a message.
func near(text []byte) string {
	const most = 12
	return shown(strings.ToValidUTF8(string(text[:min(len(text), most)]), ""))
}

package workbook

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
)

// texts are the texts that cells share, one after another.
type texts struct {
	all  []byte
	ends []uint32
}

// at returns the text of an index.
func (t *texts) at(index string) (string, bool) {
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(t.ends) {
		return "", false
	}
	start := uint32(0)
	if i > 0 {
		start = t.ends[i-1]
	}
	return string(t.all[start:t.ends[i]]), true
}

func (t *texts) read(part io.Reader) error {
	in := newTokens(part)
	for {
		token, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return broken("is a damaged spreadsheet: its texts: %s", err)
		}
		if start, is := token.(xml.StartElement); !is || start.Name.Local != "si" {
			continue
		}
		text, err := readText(in)
		if err != nil {
			return broken("is a damaged spreadsheet: its texts: %s", err)
		}
		if len(t.all)+len(text) > min(mostTexts, math.MaxUint32) {
			return &Error{Text: "is a spreadsheet whose texts have more than " + strconv.Itoa(mostTexts>>20) + " MiB", Hint: "save it as CSV UTF-8, or as several files"}
		}
		t.all = append(t.all, text...)
		t.ends = append(t.ends, uint32(len(t.all)))
	}
}

// readText reads the text of an element that has just begun, to its end: the texts of
// all its runs, without the signs of pronunciation.
func readText(in *tokens) (string, error) {
	var b strings.Builder
	end := in.depth - 1
	inText, spoken := false, 0
	for in.depth > end {
		token, err := in.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "t" && spoken == 0
			if token.Name.Local == "rPh" {
				spoken++
			}
		case xml.EndElement:
			inText = false
			if token.Name.Local == "rPh" {
				spoken--
			}
		case xml.CharData:
			if inText {
				if b.Len()+len(token) > mostToken {
					return "", errTooLarge
				}
				b.Write(token)
			}
		}
	}
	return unescape(b.String()), nil
}

// unescape decodes characters that XML cannot hold, which are written as _x000D_.
func unescape(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	var b strings.Builder
	for {
		at := strings.Index(text, "_x")
		if at < 0 || len(text) < at+7 {
			return b.String() + text
		}
		code, err := strconv.ParseUint(text[at+2:at+6], 16, 16)
		if err != nil || text[at+6] != '_' {
			b.WriteString(text[:at+2])
			text = text[at+2:]
			continue
		}
		b.WriteString(text[:at])
		b.WriteRune(rune(code))
		text = text[at+7:]
	}
}

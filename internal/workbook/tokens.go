package workbook

import (
	"encoding/xml"
	"errors"
	"io"
)

// Limits of one piece of XML, which the decoder holds in memory.
const (
	mostToken = 4 << 20
	mostDepth = 64
)

var errTooLarge = errors.New("a value is too large")

// tokens reads XML within limits. Names are without their namespaces.
type tokens struct {
	decoder *xml.Decoder
	meter   *meter
	depth   int
}

func newTokens(in io.Reader) *tokens {
	m := &meter{in: in, all: mostStream}
	return &tokens{decoder: xml.NewDecoder(m), meter: m}
}

// next returns the next token, which is valid until the one after. At the end of the
// document it returns io.EOF, and fails if the document is not complete.
func (t *tokens) next() (xml.Token, error) {
	t.meter.left = mostToken
	token, err := t.decoder.RawToken()
	if err != nil {
		if errors.Is(err, io.EOF) && t.depth > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch token.(type) {
	case xml.StartElement:
		if t.depth++; t.depth > mostDepth {
			return nil, errTooLarge
		}
	case xml.EndElement:
		t.depth--
	case xml.Directive:
		return nil, errors.New("it declares a document type")
	}
	return token, nil
}

// meter bounds what is read for one token, and in all.
type meter struct {
	in        io.Reader
	left, all int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 || m.all <= 0 {
		return 0, errTooLarge
	}
	n, err := m.in.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	m.all -= int64(n)
	return n, err
}

func attribute(element xml.StartElement, name string) string {
	for _, a := range element.Attr {
		if a.Name.Local == name && (a.Name.Space == "" || name == "id") {
			return a.Value
		}
	}
	return ""
}

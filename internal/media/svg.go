package media

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"io"
	"strings"
	"unicode/utf16"
)

const svgNamespace = "http://www.w3.org/2000/svg"

// svg tells a document whose root is an svg element of SVG's own namespace, the
// only one that is drawn where a picture is asked for. Text that mentions svg,
// or a web page that holds a drawing, is none.
func svg(head []byte) Type {
	text := utf8Text(head)
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); !bytes.HasPrefix(trimmed, []byte("<")) {
		return ""
	}
	decoder := xml.NewDecoder(bytes.NewReader(text))
	// Names and namespaces are ASCII in every encoding that is left here.
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	decoder.Strict = false // a namespace may be an entity that the document defines
	doctype := false
	for {
		token, err := decoder.Token()
		if err != nil {
			return "" // the head ends, or is no XML, before any element
		}
		switch token := token.(type) {
		case xml.Directive:
			doctype = doctype || svgDoctype(string(token))
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return ""
			}
		case xml.StartElement:
			if token.Name.Local == "svg" && (token.Name.Space == svgNamespace || doctype) {
				return SVG
			}
			return ""
		}
	}
}

// svgDoctype reports whether a declaration is that of SVG, whose DTD gives the
// root its namespace.
func svgDoctype(directive string) bool {
	words := strings.Fields(directive)
	return len(words) >= 3 && words[0] == "DOCTYPE" && words[1] == "svg" && strings.Contains(directive, "//DTD SVG")
}

// utf8Text is text without its byte order mark, and turned from UTF-16.
func utf8Text(head []byte) []byte {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return head[3:]
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return decode16(head[2:], binary.LittleEndian)
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return decode16(head[2:], binary.BigEndian)
	}
	return head
}

func decode16(text []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, 0, len(text)/2)
	for ; len(text) >= 2; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return []byte(string(utf16.Decode(units)))
}

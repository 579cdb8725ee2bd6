package media

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
)

const svgNamespace = "http://www.w3.org/2000/svg"

// svg tells a document whose root is an svg element of SVG's own namespace, the
// only one that is drawn where a picture is asked for. Text that mentions svg,
// or a web page that holds a drawing, is none.
func svg(head []byte) Type {
	if kind, _ := rootOf(head); kind {
		return SVG
	}
	return ""
}

// cutDrawing reports whether a head ends before the root of a document that may be a
// drawing.
func cutDrawing(head []byte) bool {
	_, cut := rootOf(head)
	return cut
}

// rootOf reports whether a document is a drawing, or is cut before that shows.
func rootOf(head []byte) (is, cut bool) {
	text := utf8Text(head)
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); !bytes.HasPrefix(trimmed, []byte("<")) {
		return false, false
	}
	decoder := xml.NewDecoder(bytes.NewReader(text))
	// Names and namespaces are ASCII in every encoding that is left here.
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	decoder.Strict = false // other entities are none of ours
	decoder.Entity = map[string]string{}
	doctype := false
	for {
		before := decoder.InputOffset()
		token, err := decoder.Token()
		if err != nil {
			if !ended(err) {
				return false, false // it is not XML
			}
			is = cutRoot.Match(text[before:])
			return is, !is && mayBeRoot(text[before:])
		}
		switch token := token.(type) {
		case xml.Directive:
			doctype = doctype || svgDoctype(string(token))
			for _, found := range entity.FindAllSubmatch(token, -1) {
				decoder.Entity[string(found[1])] = string(found[2])
			}
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return false, false
			}
		case xml.StartElement:
			return token.Name.Local == "svg" && (token.Name.Space == svgNamespace || doctype), false
		}
	}
}

var (
	// entity is the declaration of an entity: namespaces may be entities.
	entity = regexp.MustCompile(`<!ENTITY\s+([\w.:-]+)\s+["']([^"'<&]*)["']\s*>`)
	// cutRoot is the root of a drawing that does not end, because programs keep their own
	// documents in its attributes.
	cutRoot = regexp.MustCompile(`^\s*<(?:[\w.-]+:)?svg\s[^>]*\bxmlns(?::[\w.-]+)?\s*=\s*["']http://www\.w3\.org/2000/svg["']`)
)

// mayBeRoot reports whether a document that is cut in a comment, a declaration or a tag
// may go on as a drawing.
func mayBeRoot(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	for _, start := range []string{"<!--", "<!DOCTYPE", "<?"} {
		if bytes.HasPrefix(text, []byte(start)) || len(text) < len(start) && strings.HasPrefix(start, string(text)) {
			return true
		}
	}
	name, _, _ := bytes.Cut(text, []byte(" "))
	return bytes.Equal(name, []byte("<svg")) || bytes.HasSuffix(name, []byte(":svg"))
}

// ended reports whether XML is well-formed as far as it goes.
func ended(err error) bool {
	var syntax *xml.SyntaxError
	return errors.Is(err, io.EOF) || errors.As(err, &syntax) && syntax.Msg == "unexpected EOF"
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
	case bytes.HasPrefix(head, []byte("<\x00")):
		return decode16(head, binary.LittleEndian)
	case bytes.HasPrefix(head, []byte("\x00<")):
		return decode16(head, binary.BigEndian)
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

package manifest

import (
	"bytes"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/media"
)

// headSize is the number of bytes from which the format of a manifest is detected.
const headSize = 64 << 10

// marks are the byte order marks of encodings. A mark that starts with another one
// comes before it.
var marks = []struct {
	mark     string
	encoding Encoding
}{
	{"\xef\xbb\xbf", UTF8},
	{"\xff\xfe\x00\x00", "utf-32le"},
	{"\x00\x00\xfe\xff", "utf-32be"},
	{"\xff\xfe", UTF16LE},
	{"\xfe\xff", UTF16BE},
}

// sniff detects the format of a manifest from its first bytes, and returns the length
// of the byte order mark. It rejects content that is not text.
func sniff(head []byte, place Place, known *columns) (layout Layout, mark int, err error) {
	layout = Layout{Place: place, Encoding: UTF8}
	for _, m := range marks {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			layout.Encoding = m.encoding
			for bytes.HasPrefix(head[mark:], []byte(m.mark)) { // programs add one to a file that has one
				mark += len(m.mark)
			}
			break
		}
	}
	if mark == 0 {
		layout.Encoding = unmarked(head)
	}
	switch layout.Encoding {
	case UTF8, UTF16LE, UTF16BE:
	default:
		return Layout{}, 0, invalid(place, "has the encoding %s; use UTF-8 or UTF-16", strings.ToUpper(string(layout.Encoding))).WithHint(`save it as "CSV UTF-8"`)
	}
	if err := foreign(head, layout.Encoding, place); err != nil {
		return Layout{}, 0, err
	}
	text := (&lines{encoding: layout.Encoding}).decode(head[mark:])
	layout.Format, err = formatOf(bytes.TrimFunc(text, vacant), place, known)
	layout.Returns = returns(text, layout.Format)
	if sample := wholeLines(text, len(head) < headSize); layout.Encoding == UTF8 && !utf8.Valid(sample) {
		layout.Legacy = guess(sample)
		layout.LegacyHint = encodingHint(sample, layout.Legacy)
	}
	layout.Mark = mark > 0
	first, _, _ := bytes.Cut(text, []byte("\n"))
	layout.CRLF = len(first) < len(text) && bytes.HasSuffix(first, []byte("\r"))
	return layout, mark, err
}

// returns reports whether the first line ends with a carriage return alone.
func returns(text []byte, format Format) bool {
	quoted := false
	for i, b := range text {
		switch {
		case b == '"' && format == CSV:
			quoted = !quoted
		case b == '\n' && !quoted:
			return false
		case b == '\r' && !quoted:
			return !bytes.HasPrefix(text[i+1:], []byte("\n"))
		}
	}
	return false
}

// formatOf detects the format from the start of the text. The file's name decides
// only if that is neither an object nor a header.
func formatOf(text []byte, place Place, known *columns) (Format, error) {
	switch {
	case bytes.HasPrefix(text, []byte("[")):
		return "", invalid(place, "is a JSON array; use JSON Lines, with one object per line and no commas between them").WithHint("to convert it: jq -c '.[]' IN > OUT")
	case bytes.HasPrefix(text, []byte("<")):
		return "", invalid(place, "is HTML or XML; use CSV or JSON Lines").WithHint("open the file to check: an error page may have been saved instead of the manifest")
	case !bytes.HasPrefix(text, []byte("{")):
		first := text[:max(bytes.IndexAny(text, "\r\n"), 0)]
		sure, _ := columnsIn(first, separatorOf(first, known), known)
		if extension := strings.ToLower(path.Ext(place.Display())); sure == 0 && (extension == ".jsonl" || extension == ".ndjson") {
			return JSONLines, nil
		}
		return CSV, nil
	case pretty(text):
		return "", invalid(place, "has a JSON object that spans several lines; use JSON Lines, with one object per line").WithHint("to convert it: jq -c . IN > OUT")
	}
	return JSONLines, nil
}

// pretty reports whether the first line of JSON is only an opening brace.
func pretty(text []byte) bool {
	end := bytes.IndexAny(text, "\r\n")
	return end > 0 && len(bytes.TrimSpace(text[:end])) == 1
}

// unmarked detects UTF-16 without a byte order mark by the zero bytes between the
// letters of a header or of JSON keys.
func unmarked(head []byte) Encoding {
	zeros := [2]int{}
	head = head[:min(len(head), 64)&^1]
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	most := len(head) / 2
	switch {
	case most == 0:
	case zeros[1]*10 >= most*9 && zeros[0] == 0:
		return UTF16LE
	case zeros[0]*10 >= most*9 && zeros[1] == 0:
		return UTF16BE
	}
	return UTF8
}

// foreign rejects other kinds of files, and names the kind.
func foreign(head []byte, encoding Encoding, place Place) error {
	switch {
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return invalid(place, "is an .xls spreadsheet, or one with a password").WithHint(`open it in a spreadsheet program and save it as .xlsx without a password, or as "CSV UTF-8"`)
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return invalid(place, "is compressed").WithHint("decompress it with gunzip first")
	case encoding != UTF8:
		return nil
	}
	if kind := media.Detect(head); kind.Medium() && (!utf8.Valid(head) || bytes.IndexByte(head, 0) >= 0) {
		return invalid(place, "is a media file (%s), not a manifest", kind).WithHint("to upload it: mediaferry upload --to ACCOUNT FILE")
	}
	first, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.IndexByte(first, 0) >= 0 {
		return invalid(place, "is not text: its first line contains NUL bytes").WithHint("use CSV with a header row or JSON Lines, in UTF-8 or UTF-16")
	}
	return nil
}

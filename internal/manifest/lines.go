package manifest

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// mostRow is the length limit of a row in bytes of UTF-8: enough for any row that
// fits into a history, and small enough to be held in memory.
const mostRow = 1 << 20

// line is one line of a file, without its terminator.
type line struct {
	number int
	offset int64  // of its first byte in the file
	text   []byte // UTF-8 if the file is valid; overwritten by the next line
	end    string // the terminator; "" at the end of the file
	long   bool   // the line is longer than mostRow, and text is only a part of it
}

// lines reads a file line by line in any of the encodings. It keeps track of the
// offset of each line, so that reading can continue there later.
type lines struct {
	in       io.Reader
	encoding Encoding
	returns  bool // a line ends with a carriage return alone

	buffer   []byte // bytes that were read but not returned yet
	offset   int64  // of buffer in the file
	number   int    // of the next line
	ended    bool
	decoded  []byte // the last line, if it had to be decoded
	scanned  int    // the part of buffer that contains no line end
	consumed int    // the part of buffer that the last line used
	space    []byte // the array behind buffer
}

const readSize = 64 << 10

// padding is what programs and file systems leave behind the last line: the sign of DOS
// for the end of a file, and the rest of its last block.
const padding = "\x1a\x00"

// next returns the next line, or io.EOF after the last one, or a read error.
func (l *lines) next() (line, error) {
	l.drop(l.consumed)
	one := line{number: l.number, offset: l.offset}
	padded := false
	for {
		end := l.find()
		switch {
		case end >= 0:
			one.long = one.long || padded
			return l.give(one, l.buffer[:end], end+l.encoding.unit()), nil
		case l.ended && len(l.buffer) == 0 && !one.long:
			return line{}, io.EOF
		case l.ended:
			one.long = one.long || padded && len(bytes.Trim(l.buffer, padding)) > 0
			return l.give(one, l.buffer, len(l.buffer)), nil
		case len(l.buffer) > mostRow*l.encoding.unit():
			blank := len(bytes.Trim(l.buffer, padding)) == 0
			one.long, padded = one.long || !blank, padded || blank
			l.drop(len(l.buffer) &^ 1) // whole code units, so that the line end is found
		}
		if err := l.fill(); err != nil {
			return line{}, err
		}
	}
}

func (l *lines) give(one line, raw []byte, taken int) line {
	l.number++
	l.consumed = taken
	one.text = l.decode(raw)
	one.long = one.long || len(raw) > mostRow*l.encoding.unit()
	if taken == len(raw) {
		one.text = bytes.TrimRight(one.text, padding)
		return one
	}
	one.end = "\n"
	if l.returns {
		one.end = "\r"
	} else if n := len(one.text); n > 0 && one.text[n-1] == '\r' {
		one.text, one.end = one.text[:n-1], "\r\n"
	}
	return one
}

// after is the offset of the line after the last one.
func (l *lines) after() int64 { return l.offset + int64(l.consumed) }

func (l *lines) drop(n int) {
	l.buffer = l.buffer[n:]
	l.offset += int64(n)
	l.scanned, l.consumed = 0, 0
}

// find returns the end of the line in the buffer, or -1.
func (l *lines) find() int {
	unit := l.encoding.unit()
	mark := byte('\n')
	if l.returns {
		mark = '\r'
	}
	for from := l.scanned; from < len(l.buffer); {
		i := bytes.IndexByte(l.buffer[from:], mark)
		if i < 0 {
			break
		}
		i += from
		if unit == 1 {
			return i
		}
		start := i &^ 1 // of the code unit that this byte is a half of
		if start+1 < len(l.buffer) && l.character(l.buffer[start:]) == uint16(mark) {
			return start
		}
		from = i + 1
	}
	l.scanned = max(0, len(l.buffer)&^1-2) // the last code unit may be incomplete
	return -1
}

func (l *lines) character(b []byte) uint16 {
	if l.encoding == UTF16LE {
		return uint16(b[0]) | uint16(b[1])<<8
	}
	return uint16(b[1]) | uint16(b[0])<<8
}

// fill appends more bytes to the buffer.
func (l *lines) fill() error {
	if cap(l.buffer)-len(l.buffer) < readSize/2 {
		if need := len(l.buffer) + readSize; need > cap(l.space) {
			l.space = make([]byte, 0, need*2)
		}
		l.buffer = append(l.space[:0], l.buffer...) // copies to the front of the same array, or into a larger one
	}
	free := l.buffer[len(l.buffer):cap(l.buffer)]
	n, err := l.in.Read(free)
	l.buffer = l.buffer[:len(l.buffer)+n]
	if errors.Is(err, io.EOF) {
		l.ended = true
		return nil
	}
	return err
}

// decode converts a line to UTF-8. Invalid code units become U+FFFD.
func (l *lines) decode(raw []byte) []byte {
	if l.encoding.unit() == 1 {
		return raw
	}
	out := l.decoded[:0]
	for len(raw) >= 2 {
		r := rune(l.character(raw))
		raw = raw[2:]
		switch {
		case r >= 0xd800 && r < 0xdc00 && len(raw) >= 2 && l.character(raw)&0xfc00 == 0xdc00:
			r = 0x10000 + (r-0xd800)<<10 + rune(l.character(raw)) - 0xdc00
			raw = raw[2:]
		case r >= 0xd800 && r < 0xe000:
			r = utf8.RuneError
		}
		out = utf8.AppendRune(out, r)
	}
	if len(raw) > 0 { // the file ends within a character
		out = utf8.AppendRune(out, utf8.RuneError)
	}
	l.decoded = out
	return out
}

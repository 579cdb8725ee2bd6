package simulate

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc64"
	"io"
	"strconv"
)

// SniffLength is how much of a body's beginning is kept: enough to tell image
// types apart, an XML prologue before <svg> included.
const SniffLength = 1024

// Content is what is known of bytes that went by.
type Content struct {
	Size   int64
	SHA256 string // lower-case hex; empty: not computed
	MD5    string // lower-case hex; empty: not computed
	CRC64  string // unsigned decimal; empty: not computed
	Head   []byte // the first bytes
}

// Arrival is one object, or one part of one, that a bucket has stored.
type Arrival struct {
	Content
	Bucket, Key    string
	UploadID, ETag string
	Part           int
}

// Measure says what to find out about bytes, besides their number.
type Measure struct {
	SHA256, MD5, CRC64 bool
	// Want is how many bytes there must be; 0 where nobody knows.
	Want int64
}

// MeasuredReader computes what is known of the bytes that are read through it.
type MeasuredReader struct {
	src    io.Reader
	want   int64
	Size   int64
	head   []byte
	sha256 hash.Hash
	md5    hash.Hash
	crc64  hash.Hash64
	err    error
}

// NewMeasuredReader measures what is read from src.
func NewMeasuredReader(src io.Reader, o Measure) *MeasuredReader {
	m := &MeasuredReader{src: src, want: o.Want}
	if o.SHA256 {
		m.sha256 = sha256.New()
	}
	if o.MD5 {
		m.md5 = md5.New()
	}
	if o.CRC64 {
		m.crc64 = crc64.New(crc64.MakeTable(crc64.ECMA))
	}
	return m
}

// errTooShort is not io.ErrUnexpectedEOF, which the gateway takes for a proper end.
var errTooShort = errors.New("the body ended before its length was reached")

// Read passes the source's bytes on. A source that ends too early ends in an
// error.
func (m *MeasuredReader) Read(p []byte) (int, error) {
	n, err := m.src.Read(p)
	b := p[:n]
	m.Size += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) && m.Size < m.want {
		err = errTooShort
	}
	if room := SniffLength - len(m.head); room > 0 {
		m.head = append(m.head, b[:min(room, n)]...)
	}
	if m.sha256 != nil {
		_, _ = m.sha256.Write(b) // a hash never fails
	}
	if m.md5 != nil {
		_, _ = m.md5.Write(b)
	}
	if m.crc64 != nil {
		_, _ = m.crc64.Write(b)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

// Failed is the error that ended the source before its end.
func (m *MeasuredReader) Failed() error { return m.err }

// Content is what is known of the bytes that were read.
func (m *MeasuredReader) Content() Content {
	c := Content{Size: m.Size, Head: m.head}
	if m.sha256 != nil {
		c.SHA256 = hex.EncodeToString(m.sha256.Sum(nil))
	}
	if m.md5 != nil {
		c.MD5 = hex.EncodeToString(m.md5.Sum(nil))
	}
	if m.crc64 != nil {
		c.CRC64 = strconv.FormatUint(m.crc64.Sum64(), 10)
	}
	return c
}

package sandbox

import (
	"crypto/md5" // what S3 calls an ETag
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc64"
	"io"
	"strconv"
)

// sniffLength is how much of a body's beginning is kept: enough to tell image
// types apart, an XML prologue before <svg> included.
const sniffLength = 1024

// content is what is known of bytes that went by.
type content struct {
	size   int64
	sha256 string // lower-case hex; empty: not computed
	md5    string // lower-case hex; empty: not computed
	crc64  string // unsigned decimal; empty: not computed
	head   []byte // the first bytes
}

// arrival is one object, or one part of one, that a bucket has stored.
type arrival struct {
	content
	bucket, key    string
	uploadID, etag string
	part           int
}

type measureOptions struct {
	sha256, md5, crc64 bool
	// want is how many bytes there must be; 0 where nobody knows.
	want int64
}

// measuredReader computes what is known of the bytes that are read through it.
type measuredReader struct {
	src    io.Reader
	want   int64
	size   int64
	head   []byte
	sha256 hash.Hash
	md5    hash.Hash
	crc64  hash.Hash64
	err    error
}

func newMeasuredReader(src io.Reader, o measureOptions) *measuredReader {
	m := &measuredReader{src: src, want: o.want}
	if o.sha256 {
		m.sha256 = sha256.New()
	}
	if o.md5 {
		m.md5 = md5.New()
	}
	if o.crc64 {
		m.crc64 = crc64.New(crc64.MakeTable(crc64.ECMA))
	}
	return m
}

// errTooShort is not io.ErrUnexpectedEOF, which the gateway takes for a proper end.
var errTooShort = errors.New("the body ended before its length was reached")

// Read passes the source's bytes on. A source that ends too early ends in an
// error.
func (m *measuredReader) Read(p []byte) (int, error) {
	n, err := m.src.Read(p)
	b := p[:n]
	m.size += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) && m.size < m.want {
		err = errTooShort
	}
	if room := sniffLength - len(m.head); room > 0 {
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

// failed is the error that ended the source before its end.
func (m *measuredReader) failed() error { return m.err }

func (m *measuredReader) content() content {
	c := content{size: m.size, head: m.head}
	if m.sha256 != nil {
		c.sha256 = hex.EncodeToString(m.sha256.Sum(nil))
	}
	if m.md5 != nil {
		c.md5 = hex.EncodeToString(m.md5.Sum(nil))
	}
	if m.crc64 != nil {
		c.crc64 = strconv.FormatUint(m.crc64.Sum64(), 10)
	}
	return c
}

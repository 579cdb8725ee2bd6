package upload

import (
	"fmt"
	"time"
)

// Content is what is sent of a source, as a look at it found before any request to a
// vendor. Where the source is converted, Size is the source's until that is done.
type Content struct {
	Size int64  `json:"size"` // bytes, at least 1
	Type string `json:"type"` // media type: image/jpeg
	// Name is the base name under which the medium is sent, with the extension
	// that the vendor expects (.tiff for .tif).
	Name string `json:"name"`
	// Fingerprint tells one content of a source from another, mostly without reading
	// it: size and modification time of a file, size and ETag of an object. It is the
	// source's also where something else is sent.
	Fingerprint string `json:"fingerprint"`
	// SHA256 and CRC64 are set where the bytes were read through beforehand.
	SHA256 string `json:"sha256,omitempty"`
	CRC64  string `json:"crc64,omitempty"`
	// Original is what the source itself holds, where its account converts media; nil
	// elsewhere.
	Original *Original `json:"original,omitempty"`
}

// Original is what a source holds whose account converts media.
type Original struct {
	Size   int64  `json:"size"`
	Type   string `json:"type"`             // as it is declared, or from the bytes
	SHA256 string `json:"sha256,omitempty"` // where the source was read through
	// Convert says that the source is converted to Content.Type, in at most Most bytes.
	// What is sent has Content.SHA256, which is not known before.
	Convert bool  `json:"convert,omitempty"`
	Most    int64 `json:"most,omitempty"`
}

// Converts reports whether something else is sent than the source's own bytes.
func (c Content) Converts() bool { return c.Original != nil && c.Original.Convert }

// Unconverted reports whether the source is yet to be converted.
func (c Content) Unconverted() bool { return c.Converts() && c.SHA256 == "" }

// SourceSize is how many bytes the source itself has.
func (c Content) SourceSize() int64 {
	if c.Original != nil {
		return c.Original.Size
	}
	return c.Size
}

// SourceType is the type of the source's own bytes.
func (c Content) SourceType() string {
	if c.Original != nil {
		return c.Original.Type
	}
	return c.Type
}

// Of reports whether two contents are of the same version of a source.
func (c Content) Of(other Content) bool {
	return c.Fingerprint == other.Fingerprint && c.SourceSize() == other.SourceSize()
}

// SourceSHA256 is that of the source's own bytes, given that of what was sent; "" where it
// is not known, or where the account converts nothing.
func (c Content) SourceSHA256(sent Text) Text {
	switch {
	case c.Original == nil:
		return ""
	case c.Original.Convert:
		return Text(c.Original.SHA256)
	}
	return sent
}

// FileFingerprint is the fingerprint of a local file.
func FileFingerprint(size int64, modified time.Time) string {
	return fmt.Sprintf("%d bytes, modified %s", size, modified.UTC().Format(time.RFC3339Nano))
}

// ObjectFingerprint is the fingerprint of what has an ETag, or of what has only
// a time of modification (as the server wrote it) where etag is empty.
func ObjectFingerprint(size int64, etag, modified string) string {
	if etag == "" {
		return fmt.Sprintf("%d bytes, modified %s", size, modified)
	}
	return fmt.Sprintf("%d bytes, ETag %s", size, etag)
}

// BytesFingerprint is the fingerprint of what has neither an ETag nor a time of
// modification that stay, and was read to its end.
func BytesFingerprint(size int64, sha256 string) string {
	return fmt.Sprintf("%d bytes, SHA-256 %s", size, sha256)
}

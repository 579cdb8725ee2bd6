package upload

import (
	"fmt"
	"time"
)

// Content is what a look at a source found, before any request to a vendor.
type Content struct {
	Size int64  `json:"size"` // bytes, at least 1
	Type string `json:"type"` // media type, from the bytes: image/jpeg
	// Name is the base name under which the medium is sent, with the extension
	// that the vendor expects (.tiff for .tif).
	Name string `json:"name"`
	// Fingerprint tells one content of a source from another, mostly without reading
	// it: size and modification time of a file, size and ETag of an object.
	Fingerprint string `json:"fingerprint"`
	// SHA256 and CRC64 are set where the bytes were read through beforehand.
	SHA256 string `json:"sha256,omitempty"`
	CRC64  string `json:"crc64,omitempty"`
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

// Package media knows what bytes are: it tells the type of a medium from its
// first bytes, and decides under which type and name it is sent. It holds the
// one table of types, extensions and families.
//
// It opens nothing and reads no more than the head that it is given. Whether a
// vendor takes a type is the vendor's affair; see spec.Spec.
package media

import (
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// HeadSize is how many first bytes of a medium Detect and Check want. A medium
// that is shorter is given whole.
const HeadSize = 3072

// HeadMost is how many first bytes to give where Undecided says that HeadSize is not
// enough: drawings with long comments, sounds behind tags that hold pictures.
const HeadMost = 256 << 10

// Type is a media type as IANA or common use writes it, in lower case and
// without parameters: image/jpeg.
type Type string

// The types that some vendor takes.
const (
	JPEG      Type = "image/jpeg"
	PNG       Type = "image/png"
	GIF       Type = "image/gif"
	WebP      Type = "image/webp"
	BMP       Type = "image/bmp"
	TIFF      Type = "image/tiff"
	SVG       Type = "image/svg+xml"
	MP4       Type = "video/mp4"
	QuickTime Type = "video/quicktime"
	ThreeGPP  Type = "video/3gpp"
	AVI       Type = "video/x-msvideo"
	Matroska  Type = "video/x-matroska"
	WebM      Type = "video/webm"
	FLV       Type = "video/x-flv"
	WMV       Type = "video/x-ms-wmv"
	MP3       Type = "audio/mpeg"
	WAV       Type = "audio/wav"
	AAC       Type = "audio/aac"
	FLAC      Type = "audio/flac"
	PDF       Type = "application/pdf"
)

// Types that no vendor takes, and that people send all the same.
const (
	HEIC Type = "image/heic"
	HEIF Type = "image/heif"
	AVIF Type = "image/avif"

	Text    Type = "text/plain"
	Unknown Type = "application/octet-stream"
)

// Medium reports whether t is a picture, a film, a sound or a document as some
// vendor takes it. It says nothing about whether any vendor takes this one.
func (t Type) Medium() bool {
	class := t.Class()
	return class == "image" || class == "video" || class == "audio" || t == PDF
}

// Class is what precedes the slash: image, video, audio.
func (t Type) Class() string {
	class, _, _ := strings.Cut(string(t), "/")
	return class
}

// Extension is the usual extension of t, with its dot; "" where the table has
// none.
func (t Type) Extension() string {
	if f, ok := lookup(t); ok {
		return f.extensions[0]
	}
	return ""
}

// TypeOf is the type that a name's extension stands for. It fails for a name
// without an extension, and for one that the table does not know.
func TypeOf(name string) (Type, bool) {
	_, extension := split(name)
	f, ok := byExtension(extension)
	return f.kind, ok
}

// canonical is the table's name for a media type as others write it; "" for
// those that only say that nothing is known.
func canonical(name string) Type {
	name = strings.ToLower(name)
	switch name {
	case "", "application/octet-stream", "binary/octet-stream", "application/x-download", "application/force-download":
		return ""
	}
	if t, ok := aliases[name]; ok {
		return t
	}
	return Type(name)
}

func invalid(format string, args ...any) *upload.Error {
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, format, args...)
}

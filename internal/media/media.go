// Package media knows what bytes are: it tells the type of a medium from its
// first bytes, and decides under which type and name it is sent. It holds the
// one table of types, extensions and families.
//
// It opens nothing and reads no more than the head that it is given. Whether a
// vendor takes a type is the vendor's affair; see spec.Spec.
package media

import (
	"mime"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// HeadSize is how many first bytes of a medium Detect and Check want. A medium
// that is shorter is given whole.
const HeadSize = 3072

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
	class, _, _ := strings.Cut(string(t), "/")
	return class == "image" || class == "video" || class == "audio" || t == PDF
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

// Found is what Check decided.
type Found struct {
	Type Type
	// Name is the base name to send the medium under. Its extension belongs to
	// Type.
	Name string
}

// Check decides under which type and name a medium is sent, from its first
// bytes, the name of its source (a base name, a path or a URL) and the type that
// somebody declared ("" where nobody did).
//
// The bytes decide. Within a family of containers, whose members players take
// for each other, the declared type is believed first and the name's extension
// next: a .mov whose brand is that of MP4 is sent as video/quicktime under its
// own name, because vendors compare type and name with each other and look at
// neither's brand. Any other contradiction is refused, and so are bytes that
// are no medium, with an *upload.Error of kind invalid.
func Check(head []byte, name, declared string) (Found, error) {
	if len(head) == 0 {
		return Found{}, invalid("the file is empty")
	}
	c := claim{name: CleanName(name), actual: Detect(head), open: undecided(head)}
	c.byName, _ = TypeOf(c.name)
	if declared = strings.TrimSpace(declared); declared != "" {
		parsed, _, err := mime.ParseMediaType(declared)
		if err != nil {
			return Found{}, invalid("content type %q is not a media type; use for example %s", declared, c.actual)
		}
		c.declared = canonical(parsed)
	}
	if err := c.contradiction(); err != nil {
		return Found{}, err
	}
	kind := c.pick()
	return Found{Type: kind, Name: rename(c.name, kind)}, nil
}

// claim is what is said about a medium, by its bytes and by others.
type claim struct {
	name     string
	actual   Type
	open     bool // the head does not tell which sound follows an ID3 tag
	byName   Type // "": nothing
	declared Type // "": nothing
}

// contradiction returns the refusal, or nil.
func (c claim) contradiction() error {
	switch {
	case c.actual == Unknown && c.byName != "":
		return invalid("the file has an unknown format, but its name %q means %s", c.name, c.byName).WithHint("%s", wholeHint)
	case c.actual == Unknown:
		return invalid("%q has an unknown format", c.name).WithHint("%s", wholeHint)
	case c.declared != "" && !c.agrees(c.declared):
		return invalid("the file is %s, but the declared content type is %s", c.actual, c.declared).
			WithHint("%s", c.hint("correct content_type or leave it empty"))
	case c.byName != "" && !c.agrees(c.byName):
		return invalid("the file is %s, but its name %q means %s", c.actual, c.name, c.byName).
			WithHint("%s", c.hint("rename it to "+stem(c.name)+c.actual.Extension()))
	case !c.actual.Medium():
		return invalid("%q is %s, which is not a media format", c.name, c.actual).WithHint("%s", c.hint(""))
	}
	return nil
}

const wholeHint = "check that the source is a complete image, video, audio or PDF file"

// hint is what to try next: the correction that is offered, unless the bytes
// are nothing that could be sent under another name.
func (c claim) hint(correction string) string {
	switch {
	case (c.byName == SVG || c.declared == SVG) && (c.actual == "text/xml" || c.actual == Text):
		return `an SVG document starts with an svg element in the namespace http://www.w3.org/2000/svg`
	case c.actual == "text/html" || c.actual == "application/json" || c.actual == Text:
		return "open it: an error page may have been saved instead of the media file"
	case c.actual.Medium():
		return correction
	}
	return "name the media file itself, not a file that contains or describes it"
}

func (c claim) agrees(said Type) bool {
	return said == c.actual || sameFamily(said, c.actual) || c.open && (said == AAC || said == FLAC)
}

func (c claim) pick() Type {
	switch {
	case c.declared != "":
		return c.declared
	case c.byName != "":
		return c.byName
	}
	return c.actual
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

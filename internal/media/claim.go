package media

import (
	"mime"
	"slices"
	"strings"
)

// Claim is what is known of a medium before it is sent.
type Claim struct {
	Head []byte // its first bytes; see HeadSize and Undecided
	// Name is that of its source: a base name, a path or a URL. Free says that its
	// extension is nobody's claim, as in URLs.
	Name string
	Free bool
	// Declared is the type that a person gave, and Served the one that a server gave;
	// "" if there is none.
	Declared, Served string
}

// Found is what Check decided.
type Found struct {
	Type Type
	// Name is the base name to send the medium under. Its extension belongs to
	// Type.
	Name string
}

// Check decides under which type and name a medium is sent: Claim.Check for a source
// whose name says what it is, and whose type no server gave.
func Check(head []byte, name, declared string) (Found, error) {
	return Claim{Head: head, Name: name, Declared: declared}.Check()
}

// Check decides under which type and name a medium is sent.
//
// The bytes decide. Within a family of containers, whose members players take
// for each other, the declared type is believed first and the name's extension
// next: a .mov whose brand is that of MP4 is sent as video/quicktime under its
// own name, because vendors compare type and name with each other and look at
// neither's brand. Any other contradiction is refused, and so are bytes that
// are no medium, with an *upload.Error of kind invalid. An extension that is nobody's
// claim contradicts nothing, unless the server declares another type as well.
func (c Claim) Check() (Found, error) {
	if len(c.Head) == 0 {
		return Found{}, invalid("the file is empty")
	}
	w := weighed{name: CleanName(c.Name), free: c.Free, actual: Detect(c.Head), open: open(c.Head)}
	w.byName, _ = TypeOf(w.name)
	if served, _, err := mime.ParseMediaType(c.Served); err == nil {
		w.served = canonical(served)
	}
	if declared := strings.TrimSpace(c.Declared); declared != "" {
		parsed, _, err := mime.ParseMediaType(declared)
		if err != nil {
			return Found{}, invalid("content type %q is not a media type; use for example %s", declared, w.actual)
		}
		w.declared = canonical(parsed)
	}
	if err := w.contradiction(); err != nil {
		return Found{}, err
	}
	kind := w.pick()
	return Found{Type: kind, Name: Rename(w.name, kind)}, nil
}

// weighed is what is said about a medium, by its bytes and by others. A type is "" if
// nothing is said.
type weighed struct {
	name     string
	free     bool
	actual   Type
	open     []Type // what the bytes may be as well, because the head ends too soon to tell
	byName   Type
	declared Type
	served   Type
}

// contradiction returns the refusal, or nil.
func (c weighed) contradiction() error {
	switch {
	case c.actual == Unknown && c.byName != "" && !c.agrees(c.byName) && !c.free:
		return invalid("the file has an unknown format, but its name %q means %s", c.name, c.byName).WithHint("%s", wholeHint)
	case c.actual == Unknown && len(c.open) == 0:
		return invalid("%q has an unknown format", c.name).WithHint("%s", wholeHint)
	case c.declared != "" && !c.agrees(c.declared):
		return invalid("the file is %s, but the declared content type is %s", c.actual, c.declared).
			WithHint("%s", c.hint("correct content_type or leave it empty"))
	case c.free && c.misserved():
		return invalid("the file is %s, but its server declares %s", c.actual, c.served).
			WithHint("%s", c.hint("correct the server's Content-Type, or set content_type to "+string(c.actual)))
	case !c.free && c.byName != "" && !c.agrees(c.byName):
		return invalid("the file is %s, but its name %q means %s", c.actual, c.name, c.byName).
			WithHint("%s", c.hint("rename it to "+stem(c.name)+c.actual.Extension()))
	case !c.actual.Medium() && len(c.open) == 0:
		return invalid("%q is %s, which is not a media format", c.name, c.actual).WithHint("%s", c.hint(""))
	}
	return nil
}

// misserved reports whether a server declares another medium than the bytes are, while
// neither a person nor the name agrees with the bytes. Servers go by names, and declare
// texts and archives where they know no better.
func (c weighed) misserved() bool {
	said := c.declared != "" || c.byName != "" && c.agrees(c.byName)
	_, known := lookup(c.served)
	return !said && known && c.served.Medium() && c.actual.Medium() && !c.agrees(c.served)
}

const wholeHint = "check that the source is a complete image, video, audio or PDF file"

// hint is what to try next: the correction that is offered, unless the bytes
// are nothing that could be sent under another name.
func (c weighed) hint(correction string) string {
	switch {
	case (c.byName == SVG || c.declared == SVG) && (c.actual == "text/xml" || c.actual == Text):
		return `an SVG document starts with an svg element in the namespace http://www.w3.org/2000/svg`
	case c.actual == "application/gzip" && strings.HasSuffix(strings.ToLower(c.name), ".svgz"):
		return "decompress it, for example with: gzip -dc IN.svgz > OUT.svg"
	case c.free && (c.actual == "text/html" || c.actual == "text/xml" || c.actual == "application/json" || c.actual == Text):
		return "the server answered with a page or a message: open the URL without being logged in, and use the address from which the file itself is downloaded; links for sharing lead to a page"
	case c.actual == "text/html" || c.actual == "application/json" || c.actual == Text:
		return "open it: an error page may have been saved instead of the media file"
	case c.actual.Medium():
		return correction
	}
	return "name the media file itself, not a file that contains or describes it"
}

func (c weighed) agrees(said Type) bool {
	return said == c.actual || sameFamily(said, c.actual) || slices.Contains(c.open, said)
}

func (c weighed) pick() Type {
	switch {
	case c.declared != "":
		return c.declared
	case c.byName != "" && c.agrees(c.byName):
		return c.byName
	case !c.actual.Medium() && len(c.open) > 0:
		return c.open[0]
	}
	return c.actual
}

// Package sources reads the bytes of sources: files of this host, https: URLs, and
// objects in S3 and OSS. It examines a source before any call to a vendor, and
// afterwards reads ranges of exactly the content that it saw then: every read is
// checked against the content's fingerprint, and a changed source is reported
// instead of being mixed with the old content.
//
// It repeats nothing; the owner of the durable state decides how often to try. It keeps
// copies only of small web sources that can be read just once, and of what others make of
// a source, for minutes, in files without a name. It follows redirects only of https: sources, and
// never prints a query string or credentials.
package sources

import (
	"context"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Options say which sources may be read, and how stores are reached.
type Options struct {
	// Roots are the absolute paths of the folders that local sources must be in,
	// also after symbolic links are resolved. Nil allows everything that the user
	// can read; an empty list allows nothing.
	Roots []string
	// Shared are the paths of shared roots, by name. Who names a folder as one wants it
	// read, so what Personal leaves out is read below it.
	Shared map[string]string
	// Personal leaves out what is below a root and usually no medium of the user's:
	// folders of the system, homes of other users, and hidden folders of the user's
	// home, where keys and passwords are.
	Personal bool
	// Closed lists files and folders that are never sources, whatever the roots say.
	// It is asked each time, and may be nil. It does not count where Roots is nil:
	// then Sources read what is no source, such as a manifest.
	Closed func() []string
	// AllowPrivate allows sources on loopback, link-local and private addresses, and
	// http: sources.
	AllowPrivate bool
	S3           S3Options
	OSS          OSSOptions
	Egress       *egress.Egress // nil: a new one
	// Temporary is the folder for the files of web sources that can only be read once, and
	// of what is made of sources; "": the system's.
	Temporary string
}

// Sources reads sources of every scheme. It is safe for concurrent use.
type Sources struct {
	local  *local
	shared map[string]string
	web    *web
	s3     *s3Store
	oss    *ossStore

	derived derivedFiles
}

// New returns Sources. It opens nothing: credentials, roots and endpoints are checked
// when the first source needs them.
func New(o Options) *Sources {
	if o.Egress == nil {
		o.Egress = egress.New()
	}
	return &Sources{
		local: newLocal(o), shared: o.Shared,
		web: newWeb(o),
		s3:  newS3(o.S3, o.Egress, o.AllowPrivate),
		oss: newOSS(o.OSS, o.Egress, o.AllowPrivate),

		derived: derivedFiles{dir: o.Temporary},
	}
}

// Path is where an item's source lies on this host: one of a shared root may have another
// path than on the host where the item was made. queue is the item's.
func (s *Sources) Path(queue, source string) string {
	return upload.SourceOn(s.shared, queue, source)
}

// Look is what is known about a source before it is sent.
type Look struct {
	Size int64 // bytes, at least 1
	// Fingerprint identifies this version of the content; see
	// upload.FileFingerprint and upload.ObjectFingerprint.
	Fingerprint string
	// Modified is the modification time of a local file; zero for other sources.
	Modified time.Time
	// Name is the source's base name without the query. It may contain any
	// character; see media.CleanName.
	Name string
	// Type is the media type that a server declares; "" for files. Servers are often
	// wrong, so the bytes decide.
	Type string
	// Web says that the source is that of a URL, whose last letters are nobody's claim.
	Web bool
	// Head holds the first media.HeadSize bytes, or all bytes of a smaller source; more
	// where these do not tell the type, see media.Undecided.
	Head []byte
	// Ranges says that the content can be read from any offset, not only as a whole.
	Ranges bool
}

// Check finds what can be told of a canonical source without opening it: its scheme,
// and for a URL an address that may not be reached. Errors are those of Look.
func (s *Sources) Check(source string) error {
	place, err := s.place(source)
	if far, is := place.(remotePlace); err == nil && is {
		if page, is := far.remote.(*page); is {
			err = page.check()
		}
	}
	if err != nil {
		return fault(upload.StepClaim, source, err)
	}
	return nil
}

// Claim is what is known of the source's type, beside the one that a person declared.
func (l Look) Claim(declared string) media.Claim {
	claim := media.Claim{Head: l.Head, Name: l.Name, Declared: declared, Free: l.Web}
	if l.Web {
		claim.Served = l.Type
	}
	return claim
}

// Look examines a canonical source (see upload.CanonicalSource): its size, its
// fingerprint and its first bytes. Errors are *upload.Error at the step claim:
// invalid for a source that is missing, empty, forbidden or unreadable, and
// unavailable for failures that may pass.
func (s *Sources) Look(ctx context.Context, source string) (Look, error) {
	place, err := s.place(source)
	if err != nil {
		return Look{}, fault(upload.StepClaim, source, err)
	}
	look, err := place.look(ctx)
	if err != nil {
		return Look{}, fault(upload.StepClaim, source, err)
	}
	return look, nil
}

// Open opens the version of a source that has the fingerprint. Errors, also those of
// the File, are *upload.Error at the step transfer: missing for a source that is
// gone, forbidden or changed (naming both fingerprints), unavailable for failures
// that may pass, and invalid for a server that lacks a needed feature. The caller
// must close the File.
func (s *Sources) Open(ctx context.Context, source, fingerprint string) (*File, error) {
	place, err := s.place(source)
	if err != nil {
		return nil, fault(upload.StepTransfer, source, err)
	}
	content, err := place.open(ctx, fingerprint)
	if err != nil {
		return nil, fault(upload.StepTransfer, source, err)
	}
	return &File{source: source, content: content}, nil
}

// place is one source. Its errors are *trouble.
type place interface {
	look(ctx context.Context) (Look, error)
	open(ctx context.Context, fingerprint string) (content, error)
}

// content is one version of a place.
type content interface {
	size() int64
	// read returns exactly size bytes from offset; both are within the content.
	// failed converts the errors of reading.
	read(ctx context.Context, offset, size int64, failed func(error) error) (io.ReadCloser, error)
	check(ctx context.Context) error
	close() error
}

func (s *Sources) place(source string) (place, error) {
	if upload.IsLocal(source) {
		return s.local.place(source), nil
	}
	u, err := url.Parse(source)
	if err != nil {
		return nil, unfit("is not a valid URL")
	}
	switch strings.ToLower(u.Scheme) {
	case "https", "http":
		return s.web.place(u)
	case "s3":
		return s.s3.place(u)
	case "oss":
		return s.oss.place(u)
	}
	return nil, unfit("has the unknown scheme %q; use a path, https:, s3: or oss:", u.Scheme)
}

// objectPlace parses s3://BUCKET/KEY and oss://BUCKET/KEY, which may name a version.
func objectPlace(u *url.URL) (bucket, key, version string, err error) {
	if u.User != nil {
		return "", "", "", unfit("contains a user name").hint("set credentials in the configuration or the environment")
	}
	query := u.Query()
	version = query.Get("versionId")
	query.Del("versionId")
	if len(query) > 0 {
		return "", "", "", unfit("has a query other than versionId").hint("if the question mark is part of the key, write it as %%3F")
	}
	return u.Host, strings.TrimPrefix(u.Path, "/"), version, nil
}

// Nearby is what to try instead of a path that does not exist; "" if nothing is near.
func (s *Sources) Nearby(path string) string { return s.local.near.Hint(path) }

// File is one version of an open source. It is safe for concurrent use until it is
// closed.
type File struct {
	source  string
	content content
}

// Size is the size of the content in bytes.
func (f *File) Size() int64 { return f.content.size() }

// Range returns a reader of exactly size bytes from offset, which the caller must
// close. Several ranges may be read at once, each with its own context. Errors are
// those of Open; a canceled context gives kind unavailable and wraps the context's
// error.
func (f *File) Range(ctx context.Context, offset, size int64) (io.ReadCloser, error) {
	if offset < 0 || size <= 0 || size > f.Size()-offset {
		return nil, upload.Errorf(upload.KindInternal, upload.StepTransfer,
			"%d bytes from offset %d are outside the %d bytes of source %q", size, offset, f.Size(), upload.DisplaySource(f.source))
	}
	if err := ctx.Err(); err != nil {
		return nil, f.failed(broken(err, "was not read: %v", err))
	}
	body, err := f.content.read(ctx, offset, size, f.failed)
	if err != nil {
		return nil, f.failed(err)
	}
	return body, nil
}

// Head reads the first bytes, as many as Look.Head has. Errors are those of Range.
func (f *File) Head(ctx context.Context) ([]byte, error) {
	head, err := f.first(ctx, media.HeadSize)
	if err != nil || int64(len(head)) == f.Size() || !media.Undecided(head) {
		return head, err
	}
	return f.first(ctx, media.HeadMost)
}

func (f *File) first(ctx context.Context, most int64) ([]byte, error) {
	head := make([]byte, min(f.Size(), most))
	body, err := f.Range(ctx, 0, int64(len(head)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }() // only read from
	if _, err := io.ReadFull(body, head); err != nil {
		return nil, err
	}
	return head, nil
}

// Unchanged checks the source again after the last byte was read. It fails with kind
// missing, naming both fingerprints, if the content has changed, and with missing or
// unavailable if that cannot be determined.
func (f *File) Unchanged(ctx context.Context) error {
	if err := f.content.check(ctx); err != nil {
		return f.failed(err)
	}
	return nil
}

// Close releases the source.
func (f *File) Close() error {
	if err := f.content.close(); err != nil {
		return f.failed(broken(err, "could not be closed: %v", egress.Cause(err)))
	}
	return nil
}

func (f *File) failed(err error) error {
	return fault(upload.StepTransfer, f.source, err)
}

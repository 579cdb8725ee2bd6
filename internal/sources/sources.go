// Package sources is where bytes come from: files of this host, https: URLs, and
// objects in S3 and OSS. It looks at a source before anything is asked of a
// vendor, and afterwards reads ranges of exactly the content that was seen:
// every read is pinned by the content's fingerprint, and a source that has
// become another is reported rather than mixed.
//
// It repeats nothing and keeps no copy; how often to try is decided by whoever
// holds the durable state. It writes nowhere, follows redirects of https:
// sources and of nothing else, and prints no query string and no credentials.
package sources

import (
	"context"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Options say what may be read, and how to get there.
type Options struct {
	// Roots are absolute paths of the folders in which local sources may lie,
	// also after symbolic links are resolved. Nil allows everything that the
	// user can read; an empty list allows nothing.
	Roots []string
	// AllowPrivate allows https: sources on loopback, link-local and private
	// addresses, and http: sources at all.
	AllowPrivate bool
	S3           S3Options
	OSS          OSSOptions
	Egress       *egress.Egress // nil: one of its own
}

// Sources reads sources of every scheme. It is safe for concurrent use.
type Sources struct {
	local *local
	web   *web
	s3    *s3Store
	oss   *ossStore
}

// New returns Sources. It opens nothing: credentials, roots and endpoints are
// looked at when the first source needs them.
func New(o Options) *Sources {
	if o.Egress == nil {
		o.Egress = egress.New()
	}
	return &Sources{
		local: newLocal(o.Roots),
		web:   newWeb(o.Egress, o.AllowPrivate),
		s3:    newS3(o.S3, o.Egress, o.AllowPrivate),
		oss:   newOSS(o.OSS, o.Egress, o.AllowPrivate),
	}
}

// Look is what a source shows before it is sent.
type Look struct {
	Size int64 // bytes, at least 1
	// Fingerprint tells this content from others that the source may have; see
	// upload.FileFingerprint and upload.ObjectFingerprint.
	Fingerprint string
	// Modified is when a local file was last written; zero for all others.
	Modified time.Time
	// Name is the source's base name as it is written there, without query. It
	// may hold any character; see media.CleanName.
	Name string
	// Type is the media type that a server labels the source with; "" for
	// files. Labels are often wrong: the bytes decide.
	Type string
	// Head is the first bytes, media.HeadSize of them where there are so many.
	Head []byte
	// Ranges says that the content can be read from any offset. Without it, a
	// server gives the whole only.
	Ranges bool
}

// Look looks at a canonical source (see upload.CanonicalSource): whether it can
// be read, how large it is, and how it begins. Failures are *upload.Error at the
// step claim: invalid for a source that is missing, empty, forbidden or not fit
// to be read, unavailable for trouble on the way.
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

// Open opens a source whose look gave the fingerprint. It fails with kind
// missing, naming both fingerprints, where the content is another by now.
// Failures, also those of the File, are *upload.Error at the step transfer:
// missing for a source that is gone, forbidden or changed, unavailable for
// trouble on the way, invalid for a server that cannot give what is needed. The
// caller closes the File.
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

// place is one source of some scheme. Its errors are *trouble.
type place interface {
	look(ctx context.Context) (Look, error)
	open(ctx context.Context, fingerprint string) (content, error)
}

// content is what a File reads: one content of one place.
type content interface {
	size() int64
	// read gives exactly size bytes from offset, which lie within the content.
	// failed words the errors that reading meets.
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
		return nil, unfit("is no URL")
	}
	switch strings.ToLower(u.Scheme) {
	case "https", "http":
		return s.web.place(u)
	case "s3":
		return s.s3.place(u)
	case "oss":
		return s.oss.place(u)
	}
	return nil, unfit("has the unknown scheme %q, want a path, https:, s3: or oss:", u.Scheme)
}

// objectPlace reads s3://BUCKET/KEY and oss://BUCKET/KEY, of which a version
// may be named.
func objectPlace(u *url.URL) (bucket, key, version string, err error) {
	if u.User != nil {
		return "", "", "", unfit("holds a user name").hint("credentials belong into the configuration or the environment")
	}
	query := u.Query()
	version = query.Get("versionId")
	query.Del("versionId")
	if len(query) > 0 {
		return "", "", "", unfit("has a query other than versionId").hint("write a question mark that belongs to the key as %%3F")
	}
	return u.Host, strings.TrimPrefix(u.Path, "/"), version, nil
}

// File is an open source, pinned to one content. It is safe for concurrent use,
// except that nothing may be read after Close.
type File struct {
	source  string
	content content
}

// Size is the size of the whole, in bytes.
func (f *File) Size() int64 { return f.content.size() }

// Range gives exactly size bytes from offset. Several ranges may be read at
// once, and each obeys its own context; the caller closes what it gets. Reading
// fails as Open does; a cancelled context is kind unavailable and wraps the
// context's error.
func (f *File) Range(ctx context.Context, offset, size int64) (io.ReadCloser, error) {
	if offset < 0 || size <= 0 || size > f.Size()-offset {
		return nil, upload.Errorf(upload.KindInternal, upload.StepTransfer,
			"%d bytes from %d lie outside of the %d that source %q has", size, offset, f.Size(), upload.DisplaySource(f.source))
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

// Unchanged asks the source once more, after the last byte was read: it fails
// with kind missing, naming both fingerprints, where the content is another now,
// and with missing or unavailable where that cannot be told.
func (f *File) Unchanged(ctx context.Context) error {
	if err := f.content.check(ctx); err != nil {
		return f.failed(err)
	}
	return nil
}

// Close releases the source.
func (f *File) Close() error {
	if err := f.content.close(); err != nil {
		return f.failed(broken(err, "could not be closed: %v", bare(err)))
	}
	return nil
}

func (f *File) failed(err error) error {
	return fault(upload.StepTransfer, f.source, err)
}

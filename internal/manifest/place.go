package manifest

import (
	"context"
	"errors"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Place says where a manifest lies. It is stored in histories, which are
// encrypted: the source may be a signed URL. See Locate, LocateFolder and Spool.
type Place struct {
	// Source is canonical, as upload.CanonicalSource makes it.
	Source string `json:"source"`
	// Base is what relative sources count from: the folder of a local manifest,
	// or the bucket and the folder in it of one at s3: or oss:. It is "" where
	// relative sources are refused.
	Base string `json:"base,omitempty"`
	// Folder says that Source is a folder, whose files are the rows.
	Folder bool `json:"folder,omitempty"`
	// Name is shown instead of Source; "" for Source itself.
	Name string `json:"name,omitempty"`
}

// Display is the place as it may be printed.
func (p Place) Display() string {
	if p.Name != "" {
		return p.Name
	}
	return upload.DisplaySource(p.Source)
}

// remotePlace is a manifest at a URL.
func remotePlace(source string) (Place, error) {
	place := Place{Source: source}
	u, err := url.Parse(source)
	if err != nil {
		return Place{}, invalid(place, "is at no URL")
	}
	if u.Scheme != "s3" && u.Scheme != "oss" {
		return place, nil // what lies beside a URL is the server's secret, and would be signed on its own
	}
	if strings.HasSuffix(u.Path, "/") {
		return Place{}, invalid(place, "is a folder of a bucket, which cannot be listed").
			WithHint("write a manifest of its objects, and give that")
	}
	u.Path, u.RawPath, u.RawQuery = path.Dir("/"+strings.TrimPrefix(u.Path, "/")), "", ""
	place.Base = strings.TrimSuffix(u.String(), "/") + "/"
	return place, nil
}

// resolve makes a source of a row canonical.
func (p Place) resolve(source string) (string, *Problem) {
	local := upload.IsLocal(source)
	if local && !strings.HasPrefix(source, "file://") && !filepath.IsAbs(source) {
		return p.under(source)
	}
	canonical, err := upload.CanonicalSource(source, "")
	switch {
	case err != nil:
		return "", badSource("%s", err).hint("want a path, https://HOST/PATH, s3://BUCKET/KEY or oss://BUCKET/KEY")
	case local && !filepath.IsAbs(canonical):
		return "", badSource("%s is no absolute path", shown(source)).hint("after file:// a path starts with a slash: file:///srv/media/a.jpg")
	case local && (!utf8.ValidString(canonical) || strings.ContainsFunc(canonical, invisible)): // a file URL may hide them
		return "", badSource("%s stands for a path that holds a character that cannot be seen", shown(source)).hint("rename the file, and write its path")
	}
	return canonical, nil
}

func badSource(format string, args ...any) *Problem {
	return problem(SortSource, columnSource, format, args...)
}

// under is what a relative path means.
func (p Place) under(relative string) (string, *Problem) {
	switch {
	case windowsPath(relative):
		return "", badSource("%s is a path of Windows", shown(relative)).hint("want a path of the host that reads it, as /srv/media/a.jpg, or one relative to the manifest, with forward slashes")
	case p.Base == "":
		return "", badSource("%s is a relative path, and this manifest lies at a URL", shown(relative)).hint("write the whole URL of each source, or a path from the root")
	case !upload.IsLocal(p.Base):
		return p.beside(relative)
	}
	return filepath.Join(p.Base, relative), nil
}

// beside is an object near the manifest, in the same bucket. The path is a key
// as it is written, so that a question mark in it is a character of a name.
func (p Place) beside(relative string) (string, *Problem) {
	base, err := url.Parse(p.Base)
	if err != nil {
		return "", badSource("%s counts from %q, which is no URL", shown(relative), p.Base).hint("write the whole URL of the source")
	}
	key := path.Join(strings.TrimPrefix(base.Path, "/"), relative)
	if key == ".." || key == "." || strings.HasPrefix(key, "../") {
		return "", badSource("%s leads out of the bucket of the manifest", shown(relative)).hint("write the whole URL of the source")
	}
	return (&url.URL{Scheme: base.Scheme, Host: base.Host, Path: "/" + key}).String(), nil
}

// windowsPath reports a drive letter, or backslashes where a Unix path would
// have slashes.
func windowsPath(source string) bool {
	drive := len(source) > 2 && source[1] == ':' && (source[2] == '\\' || source[2] == '/')
	return drive || strings.HasPrefix(source, `\\`) || strings.Contains(source, `\`) && !strings.Contains(source, "/")
}

// Content is one content of a manifest's file, pinned: it never gives bytes of
// another. It is safe for concurrent use until it is closed.
type Content interface {
	// Size is in bytes, at least 1.
	Size() int64
	// Fingerprint tells this content from others that the file may have.
	Fingerprint() string
	// Range gives size bytes from offset, all within the content.
	Range(ctx context.Context, offset, size int64) (io.ReadCloser, error)
	// Unchanged fails with upload.KindMissing where the file holds another
	// content by now.
	Unchanged(ctx context.Context) error
	Close() error
}

// Opener reaches the places of manifests. Implementations are safe for
// concurrent use, and their errors are *upload.Error.
type Opener interface {
	// Open opens the content that has the fingerprint, or whichever there is
	// where the fingerprint is "". It fails with upload.KindMissing, naming both
	// fingerprints, where the content is another.
	Open(ctx context.Context, source, fingerprint string) (Content, error)
	// Folder is a folder of this host, whose directories are fs.ReadDirFiles.
	Folder(path string) (fs.FS, error)
}

// asManifest lets an error about a source speak of the manifest that it is.
func asManifest(err error) error {
	var known *upload.Error
	if !errors.As(err, &known) {
		return err
	}
	worded := *known
	if rest, found := strings.CutPrefix(worded.Message, "source "); found {
		worded.Message = "manifest " + rest
		worded.Hint = strings.Replace(worded.Hint, "a medium", "a manifest", 1)
	}
	return &worded
}

// stretch is how much of a content one request asks for. A manifest may be read
// slowly, and stores end requests that last.
const stretch = 8 << 20

// stream reads a content from an offset to its end.
type stream struct {
	ctx     context.Context // of whoever reads, for as long as it reads
	content Content
	place   Place
	at      int64
	sum     hash.Hash // of all that was read; may be nil
	body    io.ReadCloser
	until   int64 // the end of body
}

func (s *stream) Read(p []byte) (int, error) {
	if s.body == nil {
		if s.at == s.content.Size() {
			return 0, io.EOF
		}
		size := min(stretch, s.content.Size()-s.at)
		body, err := s.content.Range(s.ctx, s.at, size)
		if err != nil {
			return 0, asManifest(err)
		}
		s.body, s.until = body, s.at+size
	}
	n, err := s.body.Read(p[:min(int64(len(p)), s.until-s.at)])
	s.at += int64(n)
	if s.sum != nil {
		s.sum.Write(p[:n])
	}
	switch {
	case s.at == s.until:
		err = s.close() // also instead of io.EOF: another stretch may follow
	case errors.Is(err, io.EOF):
		err = upload.Errorf(upload.KindUnavailable, upload.StepClaim, "manifest %q broke off after %d of %d bytes", s.place.Display(), s.at, s.content.Size())
	}
	return n, asManifest(err)
}

func (s *stream) close() error {
	if s.body == nil {
		return nil
	}
	body := s.body
	s.body = nil
	return body.Close()
}

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
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Place is the location of a manifest. It is stored in histories, which are
// encrypted, because the source may be a signed URL. See Locate and Spool.
type Place struct {
	// Source is canonical, as upload.CanonicalSource makes it.
	Source string `json:"source"`
	// Base is the folder that relative sources start from: the folder of a local
	// manifest, or the bucket and prefix of one at s3: or oss:. It is "" if relative
	// sources are not allowed.
	Base string `json:"base,omitempty"`
	// Sheet is the worksheet of a workbook; "" for the first one that is not hidden.
	Sheet string `json:"sheet,omitempty"`
	// Folder says that Source is a folder whose files are the rows.
	Folder bool `json:"folder,omitempty"`
	// Name is displayed instead of Source, unless it is "".
	Name string `json:"name,omitempty"`
}

// Display is the place as it may be printed, without secrets.
func (p Place) Display() string {
	name := p.Name
	if name == "" {
		name = upload.DisplaySource(p.Source)
	}
	return named(name, p.Sheet)
}

// Given is the place as Locate takes it.
func (p Place) Given() string { return named(p.Source, p.Sheet) }

// withSheet is the place of another sheet, as it may be printed.
func (p Place) withSheet(sheet string) string {
	p.Sheet = sheet
	return p.Display()
}

func named(file, sheet string) string {
	if sheet == "" {
		return file
	}
	return file + "#" + sheet
}

// bookName finds the name of a workbook in what a person gives, which may go on with that
// of a sheet.
var bookName = regexp.MustCompile(`(?i)^(.*\.xls[xm](?:\?[^#]*)?)#(.+)$`)

// splitSheet parts FILE#SHEET. In a URL the sheet may be percent-encoded.
func splitSheet(given string) (file, sheet string) {
	found := bookName.FindStringSubmatch(given)
	if found == nil {
		return given, ""
	}
	if plain, err := url.PathUnescape(found[2]); err == nil && !upload.IsLocal(given) {
		return found[1], plain
	}
	return found[1], found[2]
}

// remotePlace is a manifest at a URL.
func remotePlace(source string) (Place, error) {
	place := Place{Source: source}
	u, err := url.Parse(source)
	if err != nil {
		return Place{}, invalid(place, "has an invalid URL")
	}
	if u.Scheme != "s3" && u.Scheme != "oss" {
		return place, nil // objects beside a URL are unknown, and signed on their own
	}
	if strings.HasSuffix(u.Path, "/") {
		return Place{}, invalid(place, "is a folder in a bucket, but mediaferry does not list buckets").
			WithHint("use a manifest that names the objects")
	}
	u.Path, u.RawPath, u.RawQuery = path.Dir("/"+strings.TrimPrefix(u.Path, "/")), "", ""
	place.Base = strings.TrimSuffix(u.String(), "/") + "/"
	return place, nil
}

// resolve makes the source of a row canonical.
func (p Place) resolve(source string) (string, *Problem) {
	local := upload.IsLocal(source)
	if local && !strings.HasPrefix(source, "file://") && !filepath.IsAbs(source) {
		return p.under(source)
	}
	canonical, err := upload.CanonicalSource(source, "")
	switch {
	case err != nil:
		return "", badSource("%s", err).hint("%s", sourceHint(err))
	case local && !filepath.IsAbs(canonical):
		return "", badSource("%s is not an absolute path", shown(source)).hint("after file://, a path starts with a slash: file:///srv/media/a.jpg")
	case local && (!utf8.ValidString(canonical) || strings.ContainsFunc(canonical, invisible)): // a file URL may encode them
		return "", badSource("the path of %s contains an invisible character", shown(source)).hint("rename the file and correct its path")
	}
	return canonical, nil
}

// sourceHint is what to write instead of a text that is not a source.
func sourceHint(err error) string {
	var written *upload.SourceError
	if errors.As(err, &written) && written.Hint != "" {
		return written.Hint
	}
	return "use a path, https://HOST/PATH, s3://BUCKET/KEY or oss://BUCKET/KEY"
}

// baseOf is the folder that a row names for its relative source, in the form of Base.
func (p Place) baseOf(folder string) (string, *Problem) {
	bad := func(format string, args ...any) *Problem {
		return problem(SortSource, columnBase, format, args...).hint("use the absolute path of a folder, s3://BUCKET/PREFIX/ or oss://BUCKET/PREFIX/, or leave the cell empty")
	}
	if upload.IsLocal(folder) {
		folder := strings.TrimPrefix(folder, "file://")
		switch {
		case filepath.IsAbs(folder):
			return filepath.Clean(folder), nil
		case p.Base == "" || !upload.IsLocal(p.Base):
			return "", bad("%s is not an absolute path", shown(folder))
		}
		return filepath.Join(p.Base, folder), nil
	}
	u, err := url.Parse(folder)
	if err != nil || u.Host == "" || u.Scheme != "s3" && u.Scheme != "oss" {
		return "", bad("%s is not a folder", shown(folder))
	}
	return strings.TrimSuffix((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: path.Join("/", u.Path)}).String(), "/") + "/", nil
}

func badSource(format string, args ...any) *Problem {
	return problem(SortSource, columnSource, format, args...)
}

// under resolves a relative path.
func (p Place) under(relative string) (string, *Problem) {
	switch {
	case windowsPath(relative), !upload.IsLocal(p.Base) && strings.Contains(relative, `\`):
		return "", badSource("%s is a Windows path", shown(relative)).hint("use a path on the host that reads the file, for example /srv/media/a.jpg, or a path relative to the manifest, with forward slashes")
	case p.Base == "":
		return "", badSource("%s is a relative path, but the manifest is at a URL", shown(relative)).hint("use complete URLs or absolute paths")
	case !upload.IsLocal(p.Base):
		return p.beside(relative)
	}
	return filepath.Join(p.Base, relative), nil
}

// beside resolves a relative path to an object in the manifest's bucket. The path is
// a literal key: a question mark in it is part of the name.
func (p Place) beside(relative string) (string, *Problem) {
	base, err := url.Parse(p.Base)
	if err != nil {
		return "", badSource("%s is relative to %q, which is not a URL", shown(relative), p.Base).hint("use the complete URL of the source")
	}
	key := path.Join(strings.TrimPrefix(base.Path, "/"), relative)
	if key == ".." || key == "." || strings.HasPrefix(key, "../") {
		return "", badSource("%s is outside the bucket of the manifest", shown(relative)).hint("use the complete URL of the source")
	}
	return (&url.URL{Scheme: base.Scheme, Host: base.Host, Path: "/" + key}).String(), nil
}

// windowsPath reports a drive letter or a share. A relative path with backslashes may
// be a file of such a name; if it is not, looking at the source tells what was meant.
func windowsPath(source string) bool {
	drive := len(source) > 2 && source[1] == ':' && (source[2] == '\\' || source[2] == '/')
	return drive || strings.HasPrefix(source, `\\`)
}

// Content is one version of a manifest's file: it never returns bytes of another
// version. It is safe for concurrent use until it is closed.
type Content interface {
	// Size is in bytes, at least 1.
	Size() int64
	// Fingerprint identifies the version.
	Fingerprint() string
	// Range returns size bytes from offset; both must be within the content.
	Range(ctx context.Context, offset, size int64) (io.ReadCloser, error)
	// Unchanged fails with upload.KindMissing if the file has another version by
	// now.
	Unchanged(ctx context.Context) error
	Close() error
}

// Opener opens manifests. Implementations are safe for concurrent use, and return
// errors of type *upload.Error.
type Opener interface {
	// Open opens the version with the fingerprint, or the current one if the
	// fingerprint is "". If the version is another, it fails with upload.KindMissing
	// and names both fingerprints.
	Open(ctx context.Context, source, fingerprint string) (Content, error)
	// Folder returns a folder of this host, whose directories are fs.ReadDirFiles.
	Folder(path string) (fs.FS, error)
}

// asManifest rewords an error about a source as one about the manifest.
func asManifest(err error) error {
	var known *upload.Error
	if !errors.As(err, &known) {
		return err
	}
	worded := *known
	if rest, found := strings.CutPrefix(worded.Message, "source "); found {
		worded.Message = "manifest " + rest
		worded.Hint = strings.Replace(worded.Hint, "a media file", "a manifest", 1)
	}
	return &worded
}

// stretch is the number of bytes that one request asks for. A manifest may be read
// slowly, and stores end long requests.
const stretch = 8 << 20

// stream reads a content from an offset to its end.
type stream struct {
	ctx     context.Context // of the reader, for as long as it reads
	content Content
	place   Place
	at      int64
	sum     hash.Hash // of everything that was read; may be nil
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
		err = s.close() // instead of io.EOF, too: another stretch may follow
	case errors.Is(err, io.EOF):
		err = upload.Errorf(upload.KindUnavailable, upload.StepClaim, "manifest %q ended after %d of %d bytes", s.place.Display(), s.at, s.content.Size())
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

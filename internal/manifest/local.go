package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Locate returns the place of a manifest that is given as the path of a file or a
// folder, relative to dir, or as an https:, s3: or oss: URL. The name of a workbook may
// be followed by that of a sheet: FILE#SHEET. It only checks whether a
// path is a folder. For standard input, use Spool.
func Locate(given, dir string) (Place, error) {
	file, sheet := splitSheet(given)
	source, err := upload.CanonicalSource(file, dir)
	if err != nil {
		return Place{}, upload.Errorf(upload.KindInvalid, upload.StepClaim, "manifest: %w", err)
	}
	if !upload.IsLocal(source) {
		place, err := remotePlace(source)
		place.Sheet = sheet
		return place, err
	}
	if info, err := os.Stat(source); err == nil && info.IsDir() {
		return Place{Source: source, Base: source, Folder: true}, nil
	}
	return Place{Source: source, Base: filepath.Dir(source), Sheet: sheet}, nil // a missing file is reported when it is opened
}

// Spool writes a manifest that can be read only once, such as standard input, to a
// new file with mode 0600, because it may contain signed URLs. Relative sources start
// from dir. The file is on disk when Spool returns, and the caller has to remove it.
// ctx is checked between reads.
func Spool(ctx context.Context, in io.Reader, file, dir string) (Place, error) {
	place := Place{Source: file, Base: dir, Name: "standard input"}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Place{}, fmt.Errorf("file for the manifest: %w", err)
	}
	n, err := io.Copy(out, patient{ctx, in})
	err = errors.Join(err, out.Sync(), out.Close())
	switch {
	case err != nil:
		return Place{}, errors.Join(fmt.Errorf("manifest from standard input: %w", err), os.Remove(file))
	case n == 0:
		return Place{}, errors.Join(invalid(place, "is empty").WithHint("the first line must name the columns, for example source,to,id"), os.Remove(file))
	}
	return place, nil
}

// patient reads until its context ends.
type patient struct {
	ctx context.Context
	in  io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.in.Read(b)
}

// From returns an Opener that reads manifests through s. It lists folders anywhere;
// whether their media files may be read is checked for each file.
func From(s *sources.Sources) Opener { return opener{s} }

type opener struct{ *sources.Sources }

func (o opener) Open(ctx context.Context, source, fingerprint string) (Content, error) {
	if fingerprint == "" {
		look, err := o.Look(ctx, source)
		if err != nil {
			return nil, err
		}
		if !look.Ranges {
			return nil, upload.Errorf(upload.KindInvalid, upload.StepClaim, "source %q can only be read as a whole, because its server does not support ranges or does not identify versions", upload.DisplaySource(source)).
				WithHint("download the file and use the copy")
		}
		fingerprint = look.Fingerprint
	}
	file, err := o.Sources.Open(ctx, source, fingerprint)
	if err != nil {
		return nil, err
	}
	return pinned{file, fingerprint}, nil
}

func (o opener) Folder(path string) (fs.FS, error) { return os.DirFS(path), nil }

type pinned struct {
	*sources.File
	fingerprint string
}

func (p pinned) Fingerprint() string { return p.fingerprint }

package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/sources/nearby"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// local reads this host's files, or those below some roots.
type local struct {
	roots      []string
	everywhere bool
	personal   *personal // nil: all that is below a root
	closed     func() []string
	near       *nearby.Finder
}

func newLocal(o Options) *local {
	l := &local{everywhere: o.Roots == nil, closed: o.Closed}
	for _, root := range o.Roots {
		l.roots = append(l.roots, filepath.Clean(root))
	}
	if o.Personal {
		l.personal = newPersonal(slices.Collect(maps.Values(o.Shared)))
	}
	if l.closed == nil {
		l.closed = func() []string { return nil }
	}
	l.near = &nearby.Finder{Lists: l.lists, Reads: l.reads}
	return l
}

// refuses is the trouble of a file that must not be read although it is below a root;
// nil where it may. The path has no links.
func (l *local) refuses(path string) error {
	if t := isOurs(path, l.closed()); t != nil {
		return t
	}
	if l.personal == nil {
		return nil
	}
	if t := l.personal.refuses(path); t != nil {
		return t
	}
	return nil
}

func (l *local) place(path string) *localPlace {
	return &localPlace{local: l, path: strings.TrimPrefix(path, "file://")}
}

type localPlace struct {
	*local
	path string
}

func (p *localPlace) look(ctx context.Context) (Look, error) {
	file, info, err := p.openFile(ctx)
	if err != nil {
		return Look{}, p.advised(err)
	}
	defer func() { _ = file.Close() }() // only read from
	if info.Size() == 0 {
		return Look{}, empty()
	}
	head := make([]byte, min(info.Size(), media.HeadSize))
	_, err = file.ReadAt(head, 0)
	if err == nil && info.Size() > media.HeadSize && media.Undecided(head) {
		head = make([]byte, min(info.Size(), media.HeadMost))
		_, err = file.ReadAt(head, 0)
	}
	if err != nil {
		return Look{}, fileTrouble(err)
	}
	return Look{
		Size: info.Size(), Fingerprint: upload.FileFingerprint(info.Size(), info.ModTime()),
		Modified: info.ModTime(), Name: filepath.Base(p.path), Head: head, Ranges: true,
	}, nil
}

func (p *localPlace) open(ctx context.Context, fingerprint string) (content, error) {
	file, info, err := p.openFile(ctx)
	if err != nil {
		return nil, err
	}
	if is := upload.FileFingerprint(info.Size(), info.ModTime()); is != fingerprint {
		_ = file.Close() // only read from
		return nil, changed(fingerprint, is)
	}
	return &localFile{file: file, path: p.path, bytes: info.Size(), fingerprint: fingerprint}, nil
}

// openFile opens a regular file that is in an allowed folder. If there are roots,
// links are resolved first, and the result is opened inside its root, so that a link
// created in the meantime cannot lead out of it.
func (p *localPlace) openFile(ctx context.Context) (*os.File, fs.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, broken(err, "was not read: %v", err)
	}
	if !filepath.IsAbs(p.path) {
		return nil, nil, unfit("is not an absolute path")
	}
	if p.everywhere {
		return openRegular(p.path, os.Stat, os.OpenFile)
	}
	if !p.covered() {
		return nil, nil, p.outside()
	}
	if p.personal != nil { // as it is written: what is there is not told
		if t := p.personal.refuses(filepath.Clean(p.path)); t != nil {
			return nil, nil, t
		}
	}
	resolved, err := filepath.EvalSymlinks(p.path)
	if err != nil {
		return nil, nil, fileTrouble(err)
	}
	for _, root := range p.roots {
		root, err := filepath.EvalSymlinks(root)
		if err != nil {
			continue // another root may contain it
		}
		name, err := filepath.Rel(root, resolved)
		if err != nil || !filepath.IsLocal(name) {
			continue
		}
		return p.openAllowed(root, name)
	}
	return nil, nil, p.outside()
}

// openAllowed opens a file below a root that is not closed. It asks before, so that
// what is closed is not touched, and again when the file is open, because a folder may
// have become a link in between.
func (p *localPlace) openAllowed(root, name string) (*os.File, fs.FileInfo, error) {
	path := filepath.Join(root, name)
	if err := p.refuses(path); err != nil {
		return nil, nil, err
	}
	file, info, err := openBelow(root, name)
	if err != nil {
		return nil, nil, err
	}
	if err := p.refuses(nameOf(file, path)); err != nil {
		_ = file.Close() // only opened
		return nil, nil, err
	}
	return file, info, nil
}

// covered reports whether the path, as it is written, is below a root. It is checked
// before the file system is accessed, so that errors do not reveal which files exist
// elsewhere.
func (p *localPlace) covered() bool {
	for _, root := range p.roots {
		if name, err := filepath.Rel(root, p.path); err == nil && filepath.IsLocal(name) {
			return true
		}
	}
	return false
}

func (p *localPlace) outside() *trouble {
	return unfit("is outside the folders in sources.local_roots").
		hint("move the file into one of them, or add its folder to sources.local_roots")
}

func openBelow(path, name string) (*os.File, fs.FileInfo, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, nil, fileTrouble(err)
	}
	defer func() { _ = root.Close() }() // the file outlives it
	return openRegular(name, root.Stat, root.OpenFile)
}

// openRegular opens regular files only. Opening a device may have side effects, so
// the mode is checked first, and again afterwards in case the file was replaced.
// Opening does not wait for the writer of a pipe.
func openRegular(name string, stat func(string) (fs.FileInfo, error),
	open func(string, int, fs.FileMode) (*os.File, error),
) (*os.File, fs.FileInfo, error) {
	info, err := stat(name)
	if err != nil {
		return nil, nil, fileTrouble(err)
	}
	if t := irregular(info.Mode()); t != nil {
		return nil, nil, t
	}
	file, err := open(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fileTrouble(err)
	}
	if info, err = file.Stat(); err == nil && info.Mode().IsRegular() {
		return file, info, nil
	}
	_ = file.Close() // only opened
	if err != nil {
		return nil, nil, fileTrouble(err)
	}
	return nil, nil, irregular(info.Mode())
}

// irregular returns the trouble of a file that is not regular, or nil.
func irregular(mode fs.FileMode) *trouble {
	what := ""
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		t := unfit("is a folder, not a file").hint("use the path of a media file in it")
		t.folder = true
		return t
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	default:
		what = "a special file"
	}
	return unfit("is %s; use a regular file", what).hint("write the content to a file, because mediaferry reads a source more than once")
}

// fileTrouble classifies an error of the file system. Errors of disks, networks and
// limits may pass; the others are about the file.
func fileTrouble(err error) *trouble {
	var t *trouble
	if errors.As(err, &t) {
		return t
	}
	t = broken(err, "could not be read: %s", egress.Cause(err))
	var number syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t = lost("does not exist").hint("check the path; mediaferry looked for the file on %s", thisHost())
	case errors.Is(err, fs.ErrPermission):
		t = lost("cannot be read by this user").hint("change the permissions of the file, or of a folder above it")
	case errors.Is(err, syscall.ENAMETOOLONG):
		t = unfit("has a name that is too long for this file system")
	case errors.Is(err, syscall.ENOTDIR):
		t = lost("does not exist: part of its path is not a folder")
	case errors.Is(err, syscall.ELOOP):
		t = lost("is a symbolic link that forms a loop")
	case errors.Is(err, syscall.EINVAL):
		t = unfit("has an invalid file name")
	case errors.Is(err, io.EOF):
		t = lost("became shorter while it was being read")
	case !errors.As(err, &number): // not an error of the system, but of resolving links
		t = lost("cannot be opened: %s", egress.Cause(err))
	}
	t.cause = err
	return t
}

// thisHost names this host for people.
func thisHost() string {
	name, err := os.Hostname()
	if err != nil {
		return "this host"
	}
	return fmt.Sprintf("this host, %q", name)
}

// localFile is an open file. Ranges share its descriptor and read at offsets.
type localFile struct {
	file        *os.File
	path        string
	bytes       int64
	fingerprint string
}

func (f *localFile) size() int64  { return f.bytes }
func (f *localFile) close() error { return f.file.Close() }

func (f *localFile) read(ctx context.Context, offset, size int64, failed func(error) error) (io.ReadCloser, error) {
	return &localRange{ctx: ctx, of: f, at: offset, end: offset + size, failed: failed}, nil
}

// check examines the open file, which may have been written to, and the path, which
// may belong to another file by now.
func (f *localFile) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return broken(err, "was not read: %v", err)
	}
	for _, stat := range []func() (fs.FileInfo, error){f.file.Stat, func() (fs.FileInfo, error) { return os.Stat(f.path) }} {
		info, err := stat()
		if err != nil {
			return fileTrouble(err)
		}
		if is := upload.FileFingerprint(info.Size(), info.ModTime()); is != f.fingerprint {
			return changed(f.fingerprint, is)
		}
	}
	return nil
}

// localRange reads a range. It reads only as much as the caller's buffer holds: the
// kernel reads ahead, so larger reads gain nothing.
type localRange struct {
	ctx     context.Context // of the range, as File.Range got it
	of      *localFile
	at, end int64
	failed  func(error) error
}

func (r *localRange) Read(p []byte) (int, error) {
	if r.at == r.end {
		return 0, io.EOF
	}
	if err := r.ctx.Err(); err != nil {
		return 0, r.failed(broken(err, "was not read completely: %v", err))
	}
	n, err := r.of.file.ReadAt(p[:min(int64(len(p)), r.end-r.at)], r.at)
	r.at += int64(n)
	switch {
	case err == nil, r.at == r.end:
		return n, nil
	case errors.Is(err, io.EOF):
		if t := r.of.check(r.ctx); t != nil {
			err = t
		}
	}
	return n, r.failed(fileTrouble(err))
}

// Close does nothing: the descriptor belongs to the file.
func (r *localRange) Close() error { return nil }

package manifest

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// The number of names of one folder that are in memory at once. A folder is listed
// again for the next names: reading a million names takes sixteen listings.
const (
	namesWhole = 1 << 16
	namesPage  = 1 << 10
)

// folderRows reads the media files below a folder by name, folder by folder, and counts
// what it leaves out; see omit. Links to files count as files; links to folders are not
// followed, because they may form a loop.
type folderRows struct {
	ctx    context.Context
	fsys   fs.FS
	place  Place
	sum    hash.Hash // of the names
	most   int       // limit of names in memory
	frames []*frame
	at     Position
	newest time.Time // the latest change of a folder that was listed
	left   tally     // what was left out
}

// frame is a folder that is being read.
type frame struct {
	dir   string // "." for the manifest's folder
	after string // the last name that was taken
	names []name // the next names
	whole bool   // names has all remaining names
	count bool   // it has not been listed before
}

type name struct {
	text string
	mode fs.FileMode // the type bits
}

// newFolderRows starts after a position.
func newFolderRows(ctx context.Context, fsys fs.FS, place Place, at Position) *folderRows {
	r := &folderRows{ctx: ctx, fsys: fsys, place: place, most: namesPage, at: at}
	r.at.Line = max(at.Line, 1)
	dir := "."
	if at.Name != "" {
		parts := strings.Split(at.Name, "/")
		for _, part := range parts[:len(parts)-1] {
			r.frames = append(r.frames, &frame{dir: dir, after: part})
			dir = path.Join(dir, part)
		}
		r.frames = append(r.frames, &frame{dir: dir, after: parts[len(parts)-1]})
		return r
	}
	r.frames = []*frame{{dir: dir, count: true}}
	return r
}

func (r *folderRows) position() Position { return r.at }

func (r *folderRows) next() (raw, error) {
	for len(r.frames) > 0 {
		top := r.frames[len(r.frames)-1]
		one, err := r.take(top)
		switch {
		case errors.Is(err, io.EOF):
			r.frames = r.frames[:len(r.frames)-1]
			continue
		case err != nil && (r.ctx.Err() != nil || top.dir == "."):
			return raw{}, folderTrouble(r.place, err)
		case err != nil:
			r.frames = r.frames[:len(r.frames)-1]
			return r.row(top.dir, problem(SortFolder, columnSource, "the folder %s cannot be listed: %s", shown(top.dir), egress.Cause(err)).
				hint("change its permissions, or rename it with a leading dot to exclude it")), nil
		}
		full := path.Join(top.dir, one.text)
		if one.mode.IsDir() {
			r.frames = append(r.frames, &frame{dir: full, count: true})
			continue
		}
		if one.mode&fs.ModeSymlink != 0 {
			if why := r.linked(full); why != taken {
				r.left.add(why, full)
				continue
			}
		}
		return r.row(full, nil), nil
	}
	return raw{}, io.EOF
}

// linked is why a link is left out. A broken link counts as a file, whose row is
// refused when its source is read.
func (r *folderRows) linked(name string) omission {
	info, err := fs.Stat(r.fsys, name)
	switch {
	case err != nil || info.Mode().IsRegular():
		return taken
	case info.IsDir():
		return folderLink
	}
	return irregularFile
}

func (r *folderRows) row(name string, fault *Problem) raw {
	one := raw{at: r.at, fault: fault}
	if fault == nil {
		one.cells = []Cell{{Column: columnSource, Text: relative(name)}}
	} else {
		one.text = name
	}
	if r.sum != nil {
		_, _ = io.WriteString(r.sum, name+"\x00") // a hash never fails
	}
	r.at.Line++
	r.at.Name = name
	return one
}

// relative makes sure that a name is not taken for a URL or a Windows path.
func relative(name string) string {
	if strings.ContainsAny(name, `:\`) {
		return "./" + name
	}
	return name
}

// take returns the next name of a folder, or io.EOF.
func (r *folderRows) take(f *frame) (name, error) {
	if len(f.names) == 0 {
		if f.whole {
			return name{}, io.EOF
		}
		if err := r.list(f); err != nil {
			return name{}, err
		}
		if len(f.names) == 0 {
			return name{}, io.EOF
		}
	}
	one := f.names[0]
	f.names, f.after = f.names[1:], one.text
	return one, nil
}

// list finds the next names of a folder: the smallest ones after the last name.
func (r *folderRows) list(f *frame) error {
	dir, err := r.fsys.Open(f.dir)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // only read from
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	if info.ModTime().After(r.newest) {
		r.newest = info.ModTime()
	}
	lister, ok := dir.(fs.ReadDirFile)
	if !ok {
		return fmt.Errorf("%q is not a folder", f.dir)
	}
	var kept largest
	f.whole = true
	for {
		const chunk = 1024
		entries, err := lister.ReadDir(chunk)
		for _, entry := range entries {
			f.whole = r.keep(&kept, f, entry) && f.whole
		}
		switch {
		case errors.Is(err, io.EOF):
			slices.SortFunc(kept, func(a, b name) int { return cmp.Compare(a.text, b.text) })
			f.names, f.count = kept, false
			return nil
		case err != nil:
			return err
		case r.ctx.Err() != nil:
			return r.ctx.Err()
		}
	}
}

// keep adds a name to the smallest names. It reports false if a name was dropped.
func (r *folderRows) keep(kept *largest, f *frame, entry fs.DirEntry) bool {
	one := name{entry.Name(), entry.Type()}
	if why := omit(one); why != taken {
		if f.count {
			r.leave(why, one, path.Join(f.dir, one.text))
		}
		return true
	}
	if one.text <= f.after {
		return true
	}
	if len(*kept) < r.most {
		heap.Push(kept, one)
		return true
	}
	if one.text < (*kept)[0].text {
		(*kept)[0] = one
		heap.Fix(kept, 0)
	}
	return false
}

// leave counts an entry that is left out. A link is one to a folder, whatever its name.
func (r *folderRows) leave(why omission, one name, full string) {
	if one.mode&fs.ModeSymlink != 0 && (why == noExtension || why == otherExtension) && r.linked(full) == folderLink {
		why = folderLink
	}
	r.left.add(why, full)
}

// largest is a heap whose first element is the largest name.
type largest []name

func (l largest) Len() int           { return len(l) }
func (l largest) Less(i, j int) bool { return l[i].text > l[j].text }
func (l largest) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push is heap.Interface's. Only names are pushed.
func (l *largest) Push(one any) {
	if n, ok := one.(name); ok {
		*l = append(*l, n)
	}
}

// Pop is heap.Interface's.
func (l *largest) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

func folderFingerprint(rows int, sum string) string {
	return fmt.Sprintf("%d media files, names %s", rows, sum[:16])
}

// openFolder starts to read a folder as a manifest.
func (r *Reader) openFolder(place Place) error {
	fsys, err := r.options.Opener.Folder(place.Source)
	if err != nil {
		return asManifest(err)
	}
	folder := newFolderRows(r.ctx, fsys, place, Position{})
	folder.sum, folder.most = r.sum, namesWhole
	r.rows = folder
	r.start(Layout{Place: place, Format: Folder, Columns: []string{columnSource}}, newColumns())
	return nil
}

// unchanged lists a folder again, and fails if it has other media files than before.
// Only names count: the content of each file is checked when it is sent.
func unchanged(ctx context.Context, fsys fs.FS, sum hash.Hash, layout Layout) error {
	all := newFolderRows(ctx, fsys, layout.Place, Position{})
	all.sum, all.most = sum, namesWhole
	rows := 0
	for {
		_, err := all.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		rows++
	}
	if is := hex.EncodeToString(sum.Sum(nil)); is != layout.SHA256 {
		return upload.Errorf(upload.KindMissing, upload.StepClaim, "manifest %q has changed: it had %s and now has %s",
			layout.Place.Display(), layout.Fingerprint, folderFingerprint(rows, is)).
			WithHint("plan and start it again; files that were sent are not sent again")
	}
	return nil
}

// folderTrouble is the error of a folder that cannot be listed.
func folderTrouble(place Place, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	kind := upload.KindUnavailable
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		kind = upload.KindMissing
	}
	return upload.Errorf(kind, upload.StepClaim, "manifest %q cannot be listed: %s", place.Display(), egress.Cause(err))
}

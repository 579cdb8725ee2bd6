package manifest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// library is a folder in memory.
func library(names ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, name := range names {
		files[name] = &fstest.MapFile{}
	}
	return files
}

func inFolder(files fs.FS) (manifest.Place, manifest.Options) {
	return manifest.Place{Source: home, Base: home, Folder: true}, manifest.Options{
		Opener:  shelf{folder: func(string) (fs.FS, error) { return files, nil }},
		Catalog: accounts(), Batch: "b", To: "trustana",
	}
}

func TestAFolderStandsForItsMedia(t *testing.T) {
	place, options := inFolder(library(
		"b.jpg", "a.JPG", "a/2.png", "a/1.png", "a/deep/x.gif", "a.d/y.gif", "notes.txt", "README", ".hidden.jpg", ".git/a.jpg", "a/.thumbs/1.png", "empty/none.txt", "z.heic",
	))
	got := readAll(t, place, options)
	require.Equal(t, []string{
		home + "/a/1.png", home + "/a/2.png", home + "/a/deep/x.gif", home + "/a.JPG", home + "/a.d/y.gif", home + "/b.jpg", home + "/z.heic",
	}, got.sources())
	require.Len(t, got.problems(), 1)
	require.Contains(t, got.problems()[0].String(), `line 7: source: "z.heic": trustana does not accept HEIC`)
	require.Equal(t, 3, got.rows[2].Item.Line)
	require.Equal(t, manifest.Folder, got.layout.Format)
	require.Equal(t, upload.DeriveID("trustana", home+"/a.JPG", nil), got.rows[3].Item.ID)
}

func TestPagesOfAFolderGiveWhatTheWholeGave(t *testing.T) {
	files := library()
	for i := range 3000 {
		files[fmt.Sprintf("flat/%04d.jpg", i)] = &fstest.MapFile{}
		files[fmt.Sprintf("%d/%d/a:%d.png", i%7, i%11, i)] = &fstest.MapFile{}
	}
	place, options := inFolder(files)
	got := readAll(t, place, options)
	require.Empty(t, got.problems())
	require.Equal(t, 6000, got.layout.Rows)
	layout := throughJSON(t, got.layout)
	for _, size := range []int{97, 1500, 6000} {
		var rows []manifest.Row
		for at, end := layout.Start, false; !end; {
			page, err := manifest.ReadPage(t.Context(), layout, at, size, options)
			require.NoError(t, err)
			rows = append(rows, page.Rows...)
			at, end = page.Next, page.End
		}
		require.Equal(t, plain(got.rows), plain(rows))
	}
}

func TestAFolderThatChangesUnderWayIsRefused(t *testing.T) {
	dir := t.TempDir()
	put := func(name string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	}
	for _, name := range []string{"a.jpg", "b.jpg", "sub/c.jpg", "sub/d.jpg"} {
		put(name)
	}
	place, err := manifest.Locate(".", dir)
	require.NoError(t, err)
	require.Equal(t, manifest.Place{Source: dir, Base: dir, Folder: true}, place)
	_, options := placed("")
	options.Opener, options.To = manifest.From(nil), "trustana"
	got := readAll(t, place, options)
	require.Len(t, got.rows, 4)

	later := time.Now().Add(time.Hour) // what is put there now is newer than the clock's tick
	put("sub/.DS_Store")
	require.NoError(t, os.Chtimes(filepath.Join(dir, "sub"), later, later))
	page, err := manifest.ReadPage(t.Context(), got.layout, got.layout.Start, 10, options)
	require.NoError(t, err, "no medium came or went")
	require.Len(t, page.Rows, 4)

	put("sub/e.jpg")
	require.NoError(t, os.Chtimes(filepath.Join(dir, "sub"), later, later))
	_, err = manifest.ReadPage(t.Context(), got.layout, got.layout.Start, 10, options)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.ErrorContains(t, err, "has changed: it had "+got.layout.Fingerprint+" and now has 5 media files, names ")

	require.NoError(t, os.Remove(filepath.Join(dir, "sub/e.jpg")))
	require.NoError(t, os.Remove(filepath.Join(dir, "sub/d.jpg")))
	_, err = manifest.ReadPage(t.Context(), got.layout, got.layout.Start, 10, options)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.NoError(t, os.RemoveAll(dir))
	_, err = manifest.ReadPage(t.Context(), got.layout, got.layout.Start, 10, options)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
}

func TestLinksToFilesCountAndLinksToFoldersDoNot(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "x.jpg"), []byte("x"), 0o600))
	require.NoError(t, os.Symlink(filepath.Join(other, "x.jpg"), filepath.Join(dir, "link.jpg")))
	require.NoError(t, os.Symlink(filepath.Join(other, "gone.jpg"), filepath.Join(dir, "nowhere.jpg")))
	require.NoError(t, os.Symlink(other, filepath.Join(dir, "folder.jpg")))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "circle")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "kind.jpg"), 0o700))
	place, err := manifest.Locate(dir, "/")
	require.NoError(t, err)
	_, options := placed("")
	options.Opener, options.To = manifest.From(nil), "trustana"
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.jpg"), 0o600))
	got := readAll(t, place, options)
	require.Equal(t, []string{dir + "/link.jpg", dir + "/nowhere.jpg"}, got.sources())
	require.Len(t, got.footer, 2)
	require.Equal(t, `2 links to folders are left out: "circle", "folder.jpg"`, got.footer[0].Message)
	require.Equal(t, `1 pipe, socket or device is left out: "pipe.jpg"`, got.footer[1].Message)
}

func TestWhatAFolderLeavesOutIsCounted(t *testing.T) {
	place, options := inFolder(library(
		"shoe.jpg", "stereo.MPO", "@eaDir/shoe.jpg/SYNOPHOTO_THUMB_XL.jpg", "#recycle/old.jpg", "a/@EADIR/x.jpg", "$RECYCLE.BIN/S-1/$R12.jpg",
		"__MACOSX/shoe.jpg", "System Volume Information/x.jpg", "lost+found/x.jpg", "FOUND.000/x.jpg", "found.jpg/x.jpg",
		".Trash-1000/x.jpg", ".hidden.jpg", "._shoe.jpg", "Thumbs.db", "DESKTOP.INI", "notes.txt", "a/list.csv", "README", "Catalog.lrdata/x.jpg",
	))
	got := readAll(t, place, options)
	require.Equal(t, []string{home + "/found.jpg/x.jpg", home + "/shoe.jpg", home + "/stereo.MPO"}, got.sources())
	var said []string
	for _, p := range got.footer {
		require.True(t, p.Warning)
		require.Equal(t, manifest.SortFolder, p.Sort)
		require.NotEmpty(t, p.Hint)
		said = append(said, p.Message)
	}
	require.Equal(t, []string{
		`9 folders of systems or programs are left out, for example "#recycle", "$RECYCLE.BIN", "@eaDir"`,
		`2 files of systems or programs are left out: "DESKTOP.INI", "Thumbs.db"`,
		`3 hidden files and folders are left out: ".Trash-1000", "._shoe.jpg", ".hidden.jpg"`,
		`1 file without an extension is left out: "README"`,
		`2 files with other extensions than those of media are left out: "a/list.csv", "notes.txt"`,
	}, said)
}

func TestAFolderNeedsAnAccountAndMedia(t *testing.T) {
	place, options := inFolder(library("a.jpg"))
	options.To = ""
	got := readAll(t, place, options)
	require.Len(t, got.header, 1)
	require.Contains(t, got.header[0].String(), "the account is missing, and --to is not set")
	require.False(t, got.rows[0].Valid())

	place, options = inFolder(library("a.txt"))
	r, err := manifest.Open(t.Context(), place, options)
	require.NoError(t, err)
	_, err = r.Next(t.Context())
	require.ErrorContains(t, err, `has no media files; 1 file with another extension than those of media is left out: "a.txt"`)
	require.NoError(t, r.Close())
}

func TestWhatCannotBeListedIsTold(t *testing.T) {
	files := barred{library("a.jpg", "b/x.jpg", "c.jpg"), "b"}
	place, options := inFolder(files)
	got := readAll(t, place, options)
	require.Len(t, got.rows, 3)
	require.Contains(t, got.rows[1].Problems[0].String(), `line 2: source: the folder "b" cannot be listed: permission denied`)
	require.True(t, got.rows[2].Valid())

	place, options = inFolder(barred{library("a.jpg"), "."})
	r, err := manifest.Open(t.Context(), place, options)
	require.NoError(t, err)
	_, err = r.Next(t.Context())
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.ErrorContains(t, err, `manifest "/srv/catalogue" cannot be listed: permission denied`)

	options.Opener = shelf{folder: func(string) (fs.FS, error) { return nil, errors.New("not here") }}
	_, err = manifest.Open(t.Context(), place, options)
	require.ErrorContains(t, err, "not here")
}

// barred is a file system one folder of which may not be read.
type barred struct {
	fs.FS
	dir string
}

func (b barred) Open(name string) (fs.File, error) {
	if name == b.dir {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.FS.Open(name)
}

func TestANameThatIsNoTextIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "\xe4.jpg"), nil, 0o600); err != nil {
		t.Skip("this file system takes UTF-8 names only")
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "line\nbreak.jpg"), nil, 0o600))
	place, err := manifest.Locate(dir, "/")
	require.NoError(t, err)
	_, options := placed("")
	options.Opener, options.To = manifest.From(nil), "trustana"
	got := readAll(t, place, options)
	require.Len(t, got.problems(), 2)
	require.Contains(t, got.problems()[0].String(), "contains an invisible character")
	require.Contains(t, got.problems()[1].String(), `the name "\xe4.jpg" is not valid UTF-8`)
	require.Equal(t, dir+`/\xE4.jpg`, got.rows[1].Item.Source, "a report says which file it is")
}

func TestListingAFolderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	place, options := inFolder(library("a.jpg", "b.jpg"))
	r, err := manifest.Open(ctx, place, options)
	require.NoError(t, err)
	cancel()
	_, err = r.Next(t.Context())
	require.ErrorIs(t, err, context.Canceled)
	_, err = r.Next(t.Context())
	require.ErrorIs(t, err, context.Canceled)

	own, stop := context.WithCancel(t.Context())
	r, err = manifest.Open(t.Context(), place, options)
	require.NoError(t, err)
	stop()
	_, err = r.Next(own)
	require.ErrorIs(t, err, context.Canceled)
	got := readAll(t, place, options)
	_, err = manifest.ReadPage(own, got.layout, got.layout.Start, 1, options)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAFolderOfManyNamesIsListedInParts(t *testing.T) {
	var names []string
	for i := range 70_000 { // more than are held at once
		names = append(names, fmt.Sprintf("%06d.jpg", (i*7919)%70_000))
	}
	place, options := inFolder(flat(slices.Clone(names)))
	r, err := manifest.Open(t.Context(), place, options)
	require.NoError(t, err)
	slices.Sort(names)
	for _, name := range names {
		row, err := r.Next(t.Context())
		if err != nil || row.Item.Source != home+"/"+name {
			t.Fatalf("want %s, got %s, %v", name, row.Item.Source, err)
		}
	}
	_, err = r.Next(t.Context())
	require.ErrorIs(t, err, io.EOF)
}

// flat is one folder of many names, listed in no order.
type flat []string

func (f flat) Open(string) (fs.File, error) { return &flatFolder{left: f}, nil }

type flatFolder struct {
	fs.File
	left []string
}

func (f *flatFolder) Close() error               { return nil }
func (f *flatFolder) Stat() (fs.FileInfo, error) { return flatEntry("."), nil }

func (f *flatFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if len(f.left) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.left))
	entries := make([]fs.DirEntry, n)
	for i, name := range f.left[:n] {
		entries[i] = flatEntry(name)
	}
	f.left = f.left[n:]
	return entries, nil
}

type flatEntry string

func (e flatEntry) Name() string               { return string(e) }
func (e flatEntry) IsDir() bool                { return false }
func (e flatEntry) Type() fs.FileMode          { return 0 }
func (e flatEntry) Info() (fs.FileInfo, error) { return e, nil }
func (e flatEntry) Size() int64                { return 0 }
func (e flatEntry) Mode() fs.FileMode          { return 0 }
func (e flatEntry) ModTime() time.Time         { return time.Time{} }
func (e flatEntry) Sys() any                   { return nil }

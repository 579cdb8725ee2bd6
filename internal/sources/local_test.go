package sources_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/sources/sourcetest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// clock gives each file that is written a time of its own, so that no test
// depends on how finely the file system counts.
type clock struct{ now time.Time }

func (c *clock) write(t *testing.T, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
	c.now = c.now.Add(time.Second)
	require.NoError(t, os.Chtimes(path, c.now, c.now))
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)} }

func TestAFileThatIsWrittenAnewKeepsTheContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
		path, c := filepath.Join(t.TempDir(), "a ü.jpg"), newClock()
		return sourcetest.Subject{
			Sources: sources.New(sources.Options{}), Source: path, Name: "a ü.jpg",
			Put:    func(t *testing.T, content []byte) { c.write(t, path, content) },
			Remove: func(t *testing.T) { require.NoError(t, os.Remove(path)) },
		}
	})
}

func TestAFileThatIsReplacedKeepsTheContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
		dir, c := t.TempDir(), newClock()
		path := filepath.Join(dir, "a.jpg")
		return sourcetest.Subject{
			Sources: sources.New(sources.Options{Roots: []string{"/nowhere", dir}}), Source: path, Name: "a.jpg",
			Put: func(t *testing.T, content []byte) {
				c.write(t, path+".new", content)
				require.NoError(t, os.Rename(path+".new", path))
			},
			Remove: func(t *testing.T) { require.NoError(t, os.Remove(path)) },
		}
	})
}

func look(t *testing.T, o sources.Options, source string) (sources.Look, error) {
	t.Helper()
	return sources.New(o).Look(t.Context(), source)
}

func requireInvalid(t *testing.T, err error, text string) {
	t.Helper()
	require.ErrorContains(t, err, text)
	require.Equal(t, upload.KindInvalid, upload.KindOf(err), "%v", err)
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "s")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(pipe, link))

	for source, text := range map[string]string{
		dir:                                  "is a folder, not a file",
		pipe:                                 "is a pipe",
		link:                                 "is a pipe",
		socket:                               "is a socket",
		"/dev/null":                          "is a device",
		"a.jpg":                              "is not an absolute path",
		dir + "/none":                        "does not exist",
		pipe + "/below":                      "part of its path is not a folder",
		dir + "/\x00":                        "has an invalid file name",
		"ftp://host/a.jpg":                   `unknown scheme "ftp"`,
		"https://host/%zz":                   "is not a valid URL",
		dir + "/" + strings.Repeat("x", 300): "too long for this file system",
	} {
		_, err := look(t, sources.Options{}, source)
		requireInvalid(t, err, text)
		_, err = look(t, sources.Options{Roots: []string{"/"}}, source)
		requireInvalid(t, err, text)
	}
}

func TestALinkThatLeadsInACircleIsRefused(t *testing.T) {
	link := filepath.Join(t.TempDir(), "a")
	require.NoError(t, os.Symlink(link, link))
	_, err := look(t, sources.Options{}, link)
	requireInvalid(t, err, link)
}

func TestRootsHoldAfterLinksAreResolved(t *testing.T) {
	base, c := t.TempDir(), newClock()
	inside, outside, other := filepath.Join(base, "in"), filepath.Join(base, "out"), filepath.Join(base, "other")
	for _, dir := range []string{inside, outside, other, filepath.Join(inside, "sub")} {
		require.NoError(t, os.Mkdir(dir, 0o700))
		c.write(t, filepath.Join(dir, "a.jpg"), []byte("content"))
	}
	link := func(target string, names ...string) string {
		path := filepath.Join(append([]string{base}, names...)...)
		require.NoError(t, os.Symlink(target, path))
		return path
	}
	moved := link(inside, "moved")
	o := sources.Options{Roots: []string{inside, other}}

	for name, path := range map[string]string{
		"a file":                     filepath.Join(inside, "sub", "a.jpg"),
		"a link within":              link("sub/a.jpg", "in", "relative"),
		"an absolute link within":    link(filepath.Join(inside, "sub"), "in", "absolute") + "/a.jpg",
		"a link to another root":     link(filepath.Join(other, "a.jpg"), "in", "across"),
		"a file whose name has dots": filepath.Join(inside, "sub", "..", "a.jpg"),
		"a file beside a link to it": filepath.Join(inside, "a.jpg"),
	} {
		_, err := look(t, o, path)
		require.NoError(t, err, name)
	}
	_, err := look(t, sources.Options{Roots: []string{moved}}, filepath.Join(moved, "a.jpg"))
	require.NoError(t, err, "a root that is a link itself")

	const text = "is outside the folders"
	for name, path := range map[string]string{
		"a file elsewhere":           filepath.Join(outside, "a.jpg"),
		"a file that is not there":   filepath.Join(outside, "none.jpg"),
		"a link to a file outside":   link(filepath.Join(outside, "a.jpg"), "in", "file"),
		"a link to a folder outside": link(outside, "in", "dir") + "/a.jpg",
		"a relative link outside":    link("../out/a.jpg", "in", "up"),
		"a folder that begins alike": inside + "side/a.jpg",
		"a way out that comes back":  link(moved, "out", "back") + "/a.jpg",
	} {
		_, err := look(t, o, path)
		requireInvalid(t, err, text)
		require.Contains(t, upload.AsError(err, "").Hint, "local_roots", name)
	}
	_, err = look(t, sources.Options{Roots: []string{}}, filepath.Join(inside, "a.jpg"))
	requireInvalid(t, err, text)
	_, err = look(t, sources.Options{Roots: []string{filepath.Join(base, "none")}}, filepath.Join(base, "none", "a.jpg"))
	requireInvalid(t, err, "does not exist")
}

func TestAFileThatIsCutShortIsMissing(t *testing.T) {
	path, c := filepath.Join(t.TempDir(), "a.jpg"), newClock()
	c.write(t, path, make([]byte, 10_000))
	s := sources.New(sources.Options{})
	seen, err := s.Look(t.Context(), path)
	require.NoError(t, err)
	file, err := s.Open(t.Context(), path, seen.Fingerprint)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	body, err := file.Range(t.Context(), 0, 10_000)
	require.NoError(t, err)
	_, err = io.ReadFull(body, make([]byte, 4000))
	require.NoError(t, err)
	c.write(t, path, make([]byte, 6000))
	n, err := io.Copy(io.Discard, body)
	require.EqualValues(t, 2000, n)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.ErrorContains(t, err, "it was 10000 bytes")
	require.ErrorContains(t, err, "and is now 6000 bytes")
}

func TestARetiredLinkIsAChange(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	path := filepath.Join(dir, "current.jpg")
	c.write(t, filepath.Join(dir, "1.jpg"), []byte("one"))
	c.write(t, filepath.Join(dir, "2.jpg"), []byte("two"))
	require.NoError(t, os.Symlink("1.jpg", path))
	s := sources.New(sources.Options{Roots: []string{dir}})
	seen, err := s.Look(t.Context(), path)
	require.NoError(t, err)
	file, err := s.Open(t.Context(), path, seen.Fingerprint)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	require.NoError(t, file.Unchanged(t.Context()))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink("2.jpg", path))
	require.Equal(t, upload.KindMissing, upload.KindOf(file.Unchanged(t.Context())))
}

func TestAFileNearbyIsNamed(t *testing.T) {
	base := t.TempDir()
	dir, outside := filepath.Join(base, "media"), filepath.Join(base, "other")
	for _, path := range []string{filepath.Join(dir, "A.JPG"), filepath.Join(outside, "B.JPG")} {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	}
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link")))
	for _, o := range []sources.Options{{}, {Roots: []string{dir}}} {
		_, err := look(t, o, filepath.Join(dir, "a.jpg"))
		requireInvalid(t, err, "does not exist")
		require.Contains(t, upload.AsError(err, "").Hint, "A.JPG")
		_, err = look(t, o, dir)
		requireInvalid(t, err, "is a folder, not a file")
		require.Contains(t, upload.AsError(err, "").Hint, "A.JPG")
	}
	closed := sources.Options{Roots: []string{dir}, Closed: func() []string { return []string{filepath.Join(dir, "A.JPG")} }}
	for source, o := range map[string]sources.Options{
		filepath.Join(outside, "b.jpg"):     {Roots: []string{dir}},
		filepath.Join(dir, "link", "b.jpg"): {Roots: []string{dir}},
		filepath.Join(dir, "a.jpg"):         closed,
	} {
		_, err := look(t, o, source)
		requireInvalid(t, err, source)
		require.NotContains(t, err.Error()+upload.AsError(err, "").Hint, ".JPG", "nothing is told of files that are no sources")
	}
}

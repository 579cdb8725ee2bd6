package manifest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestRelativeSourcesCountFromTheManifest(t *testing.T) {
	for name, c := range map[string]struct{ manifest, source, want, says string }{
		"a path beside a file":               {"cat/m.csv", "img/a.jpg", "/srv/cat/img/a.jpg", ""},
		"a path above a file":                {"/srv/cat/m.csv", "../a.jpg", "/srv/a.jpg", ""},
		"a path from the root":               {"m.csv", "/img/a.jpg", "/img/a.jpg", ""},
		"a file URL":                         {"m.csv", "file:///img/a.jpg", "/img/a.jpg", ""},
		"a URL":                              {"m.csv", "https://X.example/a.jpg", "https://x.example/a.jpg", ""},
		"a name with a backslash":            {"m.csv", `./a\b.jpg`, `/srv/a\b.jpg`, ""},
		"a key beside an object":             {"s3://bucket/cat/m.csv", "img/a.jpg", "s3://bucket/cat/img/a.jpg", ""},
		"a key at the root of a bucket":      {"oss://bucket/m.csv?versionId=3", "a b?c#d.jpg", "oss://bucket/a%20b%3Fc%23d.jpg", ""},
		"a key above an object":              {"s3://bucket/cat/m.csv", "../a.jpg", "s3://bucket/a.jpg", ""},
		"a path of the host, from a bucket":  {"s3://bucket/cat/m.csv", "/img/a.jpg", "/img/a.jpg", ""},
		"a key out of the bucket":            {"s3://bucket/cat/m.csv", "../../other/a.jpg", "", "is outside the bucket of the manifest (use the complete URL"},
		"a relative path in one at a URL":    {"https://x.example/m.csv", "a.jpg", "", `"a.jpg" is a relative path, but the manifest is at a URL (use complete URLs`},
		"a URL in one at a URL":              {"https://x.example/m.csv", "https://y.example/a.jpg", "https://y.example/a.jpg", ""},
		"an object of a bucket, from a file": {"m.csv", "s3://b/a.jpg", "s3://b/a.jpg", ""},
	} {
		t.Run(name, func(t *testing.T) {
			place, err := manifest.Locate(c.manifest, "/srv")
			require.NoError(t, err)
			_, options := placed("")
			options.Opener = shelf{files: map[string]*content{place.Source: written("source,to\n" + c.source + ",trustana\n")}}
			got := readAll(t, place, options)
			if c.says != "" {
				require.Contains(t, got.problems()[0].String(), c.says)
				return
			}
			require.Empty(t, got.problems())
			require.Equal(t, c.want, got.rows[0].Item.Source)
		})
	}
}

func TestARowMayNameTheFolderOfItsSource(t *testing.T) {
	for name, c := range map[string]struct{ manifest, base, source, want, says string }{
		"a folder":                   {"m.csv", "/photos", "img/a.jpg", "/photos/img/a.jpg", ""},
		"a folder as a URL":          {"m.csv", "file:///photos/", "a.jpg", "/photos/a.jpg", ""},
		"a folder beside the file":   {"cat/m.csv", "img", "a.jpg", "/srv/cat/img/a.jpg", ""},
		"none":                       {"m.csv", "", "a.jpg", "/srv/a.jpg", ""},
		"a path from the root":       {"m.csv", "/photos", "/a.jpg", "/a.jpg", ""},
		"a URL":                      {"m.csv", "/photos", "https://x.example/a.jpg", "https://x.example/a.jpg", ""},
		"a prefix":                   {"m.csv", "s3://bucket/x", "a.jpg", "s3://bucket/x/a.jpg", ""},
		"a bucket":                   {"https://x.example/m.csv", "oss://bucket/", "a.jpg", "oss://bucket/a.jpg", ""},
		"a folder, for one at a URL": {"https://x.example/m.csv", "/photos", "a.jpg", "/photos/a.jpg", ""},
		"a relative one at a URL":    {"https://x.example/m.csv", "img", "a.jpg", "", `base: "img" is not an absolute path (use the absolute path of a folder`},
		"a web address":              {"m.csv", "https://x.example/a/", "a.jpg", "", `base: "https://x.example/a/" is not a folder`},
		"what a spreadsheet left":    {"m.csv", "#REF!", "a.jpg", "", "is an error value"},
	} {
		t.Run(name, func(t *testing.T) {
			place, err := manifest.Locate(c.manifest, "/srv")
			require.NoError(t, err)
			_, options := placed("")
			text := "source,to,problem,base,hint\n" + c.source + ",trustana,#N/A," + c.base + ",\"is \u200b, so do \"\"that\"\"\"\n"
			options.Opener = shelf{files: map[string]*content{place.Source: written(text)}}
			got := readAll(t, place, options)
			if c.says != "" {
				require.Len(t, got.problems(), 1)
				require.Contains(t, got.problems()[0].String(), c.says)
				return
			}
			require.Empty(t, append(got.problems(), got.footer...))
			require.Equal(t, c.want, got.rows[0].Item.Source)
			for _, cell := range got.rows[0].Cells {
				require.Contains(t, []string{"source", "to", "base"}, cell.Column)
			}
			require.Equal(t, []string{"source", "to", "base"}, got.layout.Form().Columns)
			place, options = placed(givenBack(t, got.layout.Form(), got.rows))
			require.Equal(t, c.want, readAll(t, place, options).rows[0].Item.Source)
		})
	}
}

func TestAPlaceThatCanHoldNoManifestIsRefused(t *testing.T) {
	for given, says := range map[string]string{
		"s3://bucket/folder/":  "is a folder in a bucket, but mediaferry does not list buckets",
		"ftp://x.example/m":    `unknown scheme "ftp"`,
		"":                     "the source is empty",
		"https://x.example/%z": "is not a valid URL",
	} {
		_, err := manifest.Locate(given, "/srv")
		require.Equal(t, upload.KindInvalid, upload.KindOf(err))
		require.ErrorContains(t, err, says)
	}
}

func TestAnEmptyFileIsNoManifest(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m.csv"), nil, 0o600))
	place, err := manifest.Locate("m.csv", dir)
	require.NoError(t, err)
	_, err = manifest.Open(t.Context(), place, options(sources.New(sources.Options{})))
	require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	require.ErrorContains(t, err, `m.csv" is empty`)
	require.NotContains(t, upload.AsError(err, "").Hint, "media file")
}

func TestASignedURLOfAManifestIsNotPrinted(t *testing.T) {
	place, err := manifest.Locate("https://u:p@x.example/m.csv?X-Amz-Signature=geheim", "/")
	require.NoError(t, err)
	require.Equal(t, "https://x.example/m.csv", place.Display())
}

func options(s *sources.Sources) manifest.Options {
	return manifest.Options{Opener: manifest.From(s), Catalog: accounts(), Batch: "b"}
}

func TestAFileIsReadAndPinned(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "m.csv")
	require.NoError(t, os.WriteFile(file, []byte("source,to\na.jpg,trustana\n"), 0o600))
	place, err := manifest.Locate("m.csv", dir)
	require.NoError(t, err)
	o := options(sources.New(sources.Options{}))
	got := readAll(t, place, o)
	require.Equal(t, []string{dir + "/a.jpg"}, got.sources())
	sum := sha256.Sum256([]byte("source,to\na.jpg,trustana\n"))
	require.Equal(t, hex.EncodeToString(sum[:]), got.layout.SHA256)
	page, err := manifest.ReadPage(t.Context(), got.layout, got.layout.Start, 10, o)
	require.NoError(t, err)
	require.Equal(t, plain(got.rows), plain(page.Rows))

	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(file, later, later))
	_, err = manifest.ReadPage(t.Context(), got.layout, got.layout.Start, 10, o)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.ErrorContains(t, err, `manifest "`+file+`" has changed: it was 25 bytes, modified`)

	r, err := manifest.Open(t.Context(), place, o)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("source,to\nb.jpg,trustana\nc.jpg,trustana\n"), 0o600))
	for err == nil {
		_, err = r.Next(t.Context())
	}
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.NoError(t, r.Close())
}

func TestAManifestIsReadFromAServerThatGivesRanges(t *testing.T) {
	text := mixed()
	ranges := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ranges {
			r.Header.Del("Range")
		}
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "m.csv", time.Time{}, strings.NewReader(text))
	}))
	defer server.Close()
	place, err := manifest.Locate(server.URL+"/m.csv?signature=geheim", "/")
	require.NoError(t, err)
	o := options(sources.New(sources.Options{AllowPrivate: true}))
	got := readAll(t, place, o)
	page, err := manifest.ReadPage(t.Context(), got.layout, got.rows[60].At, 20, o)
	require.NoError(t, err)
	require.Equal(t, plain(got.rows[60:80]), plain(page.Rows))

	ranges = false
	_, err = manifest.Open(t.Context(), place, o)
	require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	require.ErrorContains(t, err, "can only be read as a whole")
	require.NotContains(t, err.Error(), "geheim")
}

func TestStandardInputIsKeptInAFileOfItsOwner(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "stdin.csv")
	place, err := manifest.Spool(t.Context(), strings.NewReader("source,to\na.jpg,trustana\n"), file, "/home/me")
	require.NoError(t, err)
	require.Equal(t, "standard input", place.Display())
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	got := readAll(t, place, options(sources.New(sources.Options{})))
	require.Equal(t, []string{"/home/me/a.jpg"}, got.sources())

	_, err = manifest.Spool(t.Context(), strings.NewReader("x"), file, "/")
	require.ErrorIs(t, err, os.ErrExist)

	file = filepath.Join(dir, "second.csv")
	_, err = manifest.Spool(t.Context(), strings.NewReader(""), filepath.Join(t.TempDir(), "manifest"), "/")
	require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	require.ErrorContains(t, err, `manifest "standard input" is empty`)
	_, err = manifest.Spool(t.Context(), iotest.ErrReader(errors.New("the pipe broke")), file, "/")
	require.ErrorContains(t, err, "manifest from standard input: the pipe broke")
	require.NoFileExists(t, file)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = manifest.Spool(ctx, strings.NewReader("x"), file, "/")
	require.ErrorIs(t, err, context.Canceled)
	require.NoFileExists(t, file)
}

package nearby_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources/nearby"
)

// finder looks in a folder with these files, and tells what is in it only.
func finder(t *testing.T, names ...string) (f *nearby.Finder, folder string) {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, name := range names {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	}
	below := func(path string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
	return &nearby.Finder{
		Lists: below,
		Reads: func(path string) bool {
			info, err := os.Stat(path)
			return below(path) && err == nil && info.Mode().IsRegular()
		},
	}, folder
}

const (
	nfc = "Gr\u00f6\u00dfe.jpg"
	nfd = "Gro\u0308\u00dfe.jpg"
)

func TestWhatWasMeantIsNamed(t *testing.T) {
	f, folder := finder(t, "a.jpg", "b.jpg", "IMG_2.JPG", nfd, "my shoe.jpg", "it's.jpg", "sub/Deep/c.png", "photo.jpeg", "bare", "a b.jpg", "film.mp4", "front-1.webp", "bilder/rot.jpg", "bilder/two.jpg", "old/two.jpg", ".cache/secret.jpg", "bilder/innen/rot.jpg")
	t.Setenv("HOME", folder)
	for given, c := range map[string]struct{ meant, why string }{
		"img_2.jpg":                {"IMG_2.JPG", "The names differ in letter case"},
		nfc:                        {nfd, "The names differ in the Unicode form of their letters (NFC or NFD)"},
		"\u202aa.jpg":              {"a.jpg", "The names differ in invisible characters"},
		"a\u200b.jpg":              {"a.jpg", "The names differ in invisible characters"},
		"a.jpg ":                   {"a.jpg", "The names differ in spaces"},
		"my\u00a0shoe.jpg":         {"my shoe.jpg", "The names differ in spaces"},
		"My  Shoe.jpg":             {"my shoe.jpg", "The names differ in spaces and letter case"},
		"“a.jpg”":                  {"a.jpg", "Remove the quotation marks"},
		`"a.jpg"`:                  {"a.jpg", "Remove the quotation marks"},
		`'IMG_2.jpg'`:              {"IMG_2.JPG", "Remove the quotation marks. The names differ in letter case"},
		"it’s.jpg":                 {"it's.jpg", "The names differ in quotation marks or dashes"},
		"my%20shoe.jpg":            {"my shoe.jpg", "Percent signs encode characters in URLs only, not in paths"},
		`sub\Deep\c.png`:           {"sub/Deep/c.png", `Separate folders with / instead of \`},
		`SUB\deep\C.png`:           {"sub/Deep/c.png", `Separate folders with / instead of \. The names differ in letter case`},
		`my\ shoe.jpg`:             {"my shoe.jpg", "Backslashes are part of a name here"},
		"Sub/deep/c.png":           {"sub/Deep/c.png", "letter case"},
		"sub/Deep/c.jpg":           {"sub/Deep/c.png", "The names differ in the extension"},
		"photo.jpg":                {"photo.jpeg", "The names differ in the extension"},
		"photo":                    {"photo.jpeg", "The names differ in the extension"},
		"bare.jpg":                 {"bare", "The names differ in the extension"},
		"front–1.jpg":              {"front-1.webp", "the extension"},
		"front–1.webp":             {"front-1.webp", "quotation marks or dashes"},
		"~/a.jpg":                  {"a.jpg", "A source does not expand ~"},
		"images/a.jpg":             {"a.jpg", "The folder is already part of the path"},
		"a%20b.jpg":                {"a b.jpg", "Percent signs"},
		"film.jpg":                 {"", ""},
		"a .jpg":                   {"a.jpg", "The names differ in spaces"},
		"bidler/rot.jpg":           {"bilder/rot.jpg", "The file is in another folder"},
		"pictures/innen/rot.jpg":   {"bilder/innen/rot.jpg", "The file is in another folder"},
		"rot.jpg":                  {"bilder/rot.jpg", "The file is in another folder"},
		"bidler/two.jpg":           {"", ""}, // two folders have one
		"bidler/secret.jpg":        {"", ""},
		"a.jpg.jpg":                {"a.jpg", "The names differ in the extension"},
		`images\a.jpg`:             {"a.jpg", "The folder is already part of the path"},
		"nothing.jpg":              {"", ""},
		"../" + "elsewhere/a.jpg":  {"", ""},
		strings.Repeat("../", 40):  {"", ""},
		strings.Repeat("a/b/", 99): {"", ""},
	} {
		hint := f.Hint(filepath.Join(folder, given))
		if c.meant == "" {
			require.Empty(t, hint, "%q", given)
			continue
		}
		require.Contains(t, hint, fmt.Sprintf("did you mean %q? ", filepath.Join(folder, c.meant)), "%q", given)
		require.Contains(t, hint, c.why, "%q", given)
	}
}

func TestWhatIsNoPathIsTold(t *testing.T) {
	f, folder := finder(t, "a.jpg", "b.jpg", "c,d.jpg")
	for given, want := range map[string]string{
		"a.jpg,b.jpg":                       `it names 2 files, "` + folder + `/a.jpg" and so on; use one row for each file`,
		"a.jpg | B.JPG":                     `it names 2 files`,
		"a.jpg;b.jpg":                       `it names 2 files`,
		"none.jpg und sub/none.png":         "the source seems to name several files; use one row for each",
		"a.jpg,none.jpg":                    `did you mean "` + folder + `/a.jpg"? If the source names several files, use one row for each`,
		"none,none.jpg":                     "",
		"$HOME/none.jpg":                    "a source does not expand variables; write the whole path",
		`%USERPROFILE%/none.jpg`:            "a source does not expand variables",
		"www.example.com/a.jpg?key=x":       "for a web address, write https://www.example.com/a.jpg",
		"www.example.com/a\x1b[31m.jpg?k=1": "for a web address, write https://…",
		"www.example.com/a.jpg":             "for a web address, write https://www.example.com/a.jpg",
		"cdn.example.com/s/a.jpg":           "for a web address, write https://cdn.example.com/s/a.jpg",
		"https:/x.example/a.jpg":            "for a URL, write https://x.example/a.jpg",
		"s3:bucket/a.jpg":                   "for a URL, write s3://bucket/a.jpg",
		"data:image/png;base64,iVBORw0KG":   "save the data as a file, and use its path",
		"C:/Users/x/a.jpg":                  "this is a Windows path; use a path of the host that reads the file",
		`none\none.jpg`:                     "separate folders with /, and check the path",
		"*.jpg":                             "it is a pattern that the shell did not expand, although 3 files match it; remove the quotation marks around it",
		"a?jpg":                             "it is a pattern that the shell did not expand, although a file matches it",
		"*.png":                             "it is a pattern, and no file matches it",
		"*/*.jpg":                           "it is a pattern that the shell did not expand; a source names one file",
		"v1.2/a.jpg":                        `did you mean "` + folder + `/a.jpg"? The folder is already part of the path`,
		"v1.2/none.jpg":                     "",
	} {
		hint := f.Hint(filepath.Join(folder, given))
		if want == "" {
			require.Empty(t, hint, "%q", given)
			continue
		}
		require.Contains(t, hint, want, "%q", given)
	}
	for given, want := range map[string]string{
		"/cdn.example.com/s/a.jpg": "for a web address, write https://cdn.example.com/s/a.jpg",
		"/C:/Users/x/a.jpg":        "this is a Windows path",
		"/":                        "",
	} {
		require.Contains(t, f.Hint(given), want)
	}
}

func TestAFolderIsNotAFile(t *testing.T) {
	f, folder := finder(t, "shoe/1.txt", "shoe.jpg", "boots/.x.jpg", "boots/b.png", "boots/a.PNG", "none/readme.txt")
	require.Contains(t, f.InFolder(folder+"/shoe"), `did you mean "`+folder+`/shoe.jpg"? The extension is missing`)
	require.Contains(t, f.InFolder(folder+"/boots"), `use the path of one file in it, for example "`+folder+`/boots/a.PNG"`)
	require.Equal(t, "use the path of a media file in it", f.InFolder(folder+"/none"))
	require.Equal(t, "use the path of a media file in it", f.InFolder("/"))
}

func TestNothingIsToldOfOtherFolders(t *testing.T) {
	f, folder := finder(t, "a.jpg")
	f.Lists = func(string) bool { return false }
	require.Empty(t, f.Hint(folder+"/A.jpg"))
	f, folder = finder(t, "a.jpg")
	f.Reads = func(string) bool { return false }
	require.Empty(t, f.Hint(folder+"/A.jpg"))
}

func TestAPipeIsNotWaitedFor(t *testing.T) {
	f, folder := finder(t, "a.jpg")
	require.NoError(t, syscall.Mkfifo(folder+"/pipe", 0o600))
	require.Empty(t, f.Hint(folder+"/pipe/below"))
}

func TestAFolderThatChangesIsReadAgain(t *testing.T) {
	f, folder := finder(t, "a.jpg")
	require.Empty(t, f.Hint(folder+"/B.jpg"))
	require.NoError(t, os.WriteFile(folder+"/b.jpg", nil, 0o600))
	require.NoError(t, os.Chtimes(folder, newer(t, folder), newer(t, folder)))
	require.Contains(t, f.Hint(folder+"/B.jpg"), "b.jpg")
}

// newer is a time after that of a folder, which clocks of file systems may not tell.
func newer(t *testing.T, folder string) time.Time {
	t.Helper()
	info, err := os.Stat(folder)
	require.NoError(t, err)
	return info.ModTime().Add(time.Second)
}

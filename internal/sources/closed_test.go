package sources

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// medium writes a file, with its folders, and returns its path without links.
func medium(t *testing.T, folder string, name ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{folder}, name...)...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("GIF89a"), 0o600))
	return path
}

// temporary is a folder without links in its path.
func temporary(t *testing.T) string {
	t.Helper()
	return resolved(t.TempDir())
}

func refused(t *testing.T, s *Sources, source, want string) {
	t.Helper()
	_, err := s.Look(t.Context(), source)
	require.ErrorContains(t, err, want, source)
	require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	_, err = s.Open(t.Context(), source, "?")
	require.ErrorContains(t, err, want, source)
}

func TestNothingBelowTheDataFolderIsASource(t *testing.T) {
	home := temporary(t)
	data := filepath.Join(home, "data")
	key := medium(t, data, "engine", "key.gif")
	secret := medium(t, home, "secret.gif")
	good := medium(t, home, "good.gif")
	link, folderLink := filepath.Join(home, "link.gif"), filepath.Join(home, "folder")
	require.NoError(t, os.Symlink(key, link))
	require.NoError(t, os.Symlink(data, folderLink))
	hard := filepath.Join(home, "hard.gif")
	require.NoError(t, os.Link(secret, hard))
	s := New(Options{Roots: []string{home}, Closed: func() []string { return []string{folderLink, secret, filepath.Join(home, "missing")} }})
	for _, source := range []string{
		key, link, secret, hard, filepath.Join(folderLink, "engine", "key.gif"), home + "/x/../data/./engine//key.gif",
		home + "/data/engine/../engine/key.gif", "file://" + key,
	} {
		if strings.Contains(source, "/x/") {
			require.NoError(t, os.MkdirAll(filepath.Join(home, "x"), 0o700))
		}
		refused(t, s, source, "belongs to mediaferry's own data, configuration or secrets")
	}
	_, err := s.Look(t.Context(), good)
	require.NoError(t, err)
	_, err = New(Options{Closed: func() []string { return []string{data} }}).Look(t.Context(), key)
	require.NoError(t, err, "what is no source, such as a manifest, may lie there")
}

func TestAFolderThatBecomesALinkToTheDataFolderIsNoticed(t *testing.T) {
	home := temporary(t)
	data := filepath.Join(home, "data")
	medium(t, data, "a.gif")
	path := medium(t, home, "media", "a.gif")
	s := New(Options{Roots: []string{home}})
	closed := 0
	s.local.closed = func() []string {
		if closed++; closed == 1 { // between the first question and the opening
			require.NoError(t, os.RemoveAll(filepath.Dir(path)))
			require.NoError(t, os.Symlink("data", filepath.Dir(path)))
		}
		return []string{data}
	}
	refused(t, s, path, "belongs to mediaferry's own data")
}

func TestWhatIsNoUsersMediaIsNotReadByDefault(t *testing.T) {
	home := temporary(t)
	p := &personal{homes: []string{home}, open: []string{"/run/media"}}
	for path, want := range map[string]string{
		home + "/pictures/a.jpg":         "",
		home + "/a.jpg":                  "",
		home + "/.ssh/id.jpg":            "hidden folder of your home",
		home + "/.config/x/y.jpg":        "hidden folder of your home",
		home + "/.hidden.jpg":            "hidden folder of your home",
		home + "/pictures/.thumbs/a.jpg": "",
		"/etc/a.jpg":                     "folder of the system",
		"/proc/self/root/etc/a.jpg":      "folder of the system",
		"/sys/a.jpg":                     "folder of the system",
		"/dev/shm/a.jpg":                 "folder of the system",
		"/root/a.jpg":                    "folder of the system",
		"/var/lib/docker/a.jpg":          "folder of the system",
		"/run/secrets/a.jpg":             "folder of the system",
		"/run/media/anna/stick/a.jpg":    "",
		"/home/somebody/a.jpg":           "home of another user",
		"/Users/somebody/a.jpg":          "home of another user",
		"/Users/Shared/a.jpg":            "",
		"/mnt/catalogue/a.jpg":           "",
		"/media/usb/a.jpg":               "",
		"/srv/media/a.jpg":               "",
		"/data/a.jpg":                    "",
		"/etcetera/a.jpg":                "",
		"/var/www/a.jpg":                 "",
	} {
		trouble := p.refuses(path)
		if want == "" {
			require.Nil(t, trouble, path)
			continue
		}
		require.ErrorContains(t, trouble, want, path)
		require.Contains(t, trouble.advice, "sources.local_roots", path)
	}
}

func TestAHomeWithinAFolderOfTheSystemIsStillAHome(t *testing.T) {
	p := &personal{homes: []string{"/var/lib/jenkins", "/root"}}
	require.Nil(t, p.refuses("/var/lib/jenkins/work/a.jpg"))
	require.Nil(t, p.refuses("/root/a.jpg"))
	require.NotNil(t, p.refuses("/root/.aws/a.jpg"))
	require.NotNil(t, p.refuses("/var/lib/other/a.jpg"))
}

func TestALinkIntoAHiddenFolderIsNotReadByDefault(t *testing.T) {
	home := temporary(t)
	t.Setenv("HOME", home)
	t.Setenv("TMPDIR", filepath.Join(home, "tmp"))
	hidden := medium(t, home, ".ssh", "a.gif")
	link := filepath.Join(home, "a.gif")
	require.NoError(t, os.Symlink(hidden, link))
	good := medium(t, home, "media", "a.gif")
	s := New(Options{Roots: []string{"/"}, Personal: true})
	refused(t, s, link, "hidden folder of your home")
	refused(t, s, hidden, "hidden folder of your home")
	refused(t, s, "/etc/no-such-file.gif", "folder of the system")
	_, err := s.Look(t.Context(), good)
	require.NoError(t, err)
	_, err = New(Options{Roots: []string{home}}).Look(t.Context(), hidden)
	require.NoError(t, err, "the configuration has the last word")
}

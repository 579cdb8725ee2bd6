package trust

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const strangerID = 54321

// strangers gives paths to another user than the one whose view is returned. Only root
// can give files away; others look at their own with another user's eyes.
func strangers(t *testing.T, paths ...string) reader {
	t.Helper()
	if os.Geteuid() != 0 {
		return reader{os.Geteuid() + 1}
	}
	for _, path := range paths {
		require.NoError(t, os.Lchown(path, strangerID, -1))
	}
	return me()
}

// place makes a folder and a file in it, with exact modes.
func place(t *testing.T, folderMode, fileMode os.FileMode) (folder, file string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "folder")
	file = filepath.Join(folder, "mediaferry.yaml")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.WriteFile(file, []byte("accounts:"), 0o600))
	require.NoError(t, os.Chmod(file, fileMode))
	require.NoError(t, os.Chmod(folder, folderMode))
	return folder, file
}

func check(t *testing.T, r reader, path string) error {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	return r.check(file, path)
}

func checkSecret(t *testing.T, path string) error {
	t.Helper()
	file, err := OpenSecret(path)
	if err == nil {
		require.NoError(t, file.Close())
	}
	return err
}

// refusal is the refusal that an error must be.
func refusal(t *testing.T, err error) *Refusal {
	t.Helper()
	var refused *Refusal
	require.ErrorAs(t, err, &refused)
	return refused
}

func TestAFileOfTheUsersThatOnlyTheUserWritesIsTrusted(t *testing.T) {
	for _, modes := range [][2]os.FileMode{{0o700, 0o600}, {0o755, 0o644}, {0o555, 0o444}, {0o777 | os.ModeSticky, 0o600}} {
		_, file := place(t, modes[0], modes[1])
		require.NoError(t, check(t, me(), file), "%v", modes)
	}
}

func TestAFileThatOthersCanChangeIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o666, 0o662, 0o620, 0o664} {
		_, file := place(t, 0o700, mode)
		refused := refusal(t, check(t, me(), file))
		require.Equal(t, "to prevent that: chmod go-w "+file, refused.Hint)
		require.True(t, refused.Changeable)
	}
}

func TestAFileInAFolderThatOthersCanWriteIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o777, 0o770, 0o702} {
		folder, file := place(t, mode, 0o600)
		refused := refusal(t, check(t, me(), file))
		require.Equal(t, folder, refused.Path)
		require.Equal(t, "to prevent that: chmod go-w "+folder, refused.Hint)
	}
}

func TestAFileOfAnotherUserIsRefused(t *testing.T) {
	_, file := place(t, 0o755, 0o644)
	err := check(t, strangers(t, file), file)
	require.ErrorContains(t, err, "and not to you or root; if you trust what is in it: sudo chown")
}

func TestAFileInAFolderOfAnotherUserIsRefused(t *testing.T) {
	folder, file := place(t, 0o755, 0o644)
	require.ErrorContains(t, check(t, strangers(t, folder), file), "and not to you or root")
}

func TestInAFolderWithTheStickyBitAFileOfAnotherUserIsRefused(t *testing.T) {
	_, file := place(t, 0o777|os.ModeSticky, 0o644)
	require.ErrorContains(t, check(t, strangers(t, file), file), "and not to you or root")
}

func TestALinkIsJudgedByTheFolderOfItsTarget(t *testing.T) {
	open, target := place(t, 0o777, 0o644)
	_, closed := place(t, 0o755, 0o644)
	link := filepath.Join(filepath.Dir(closed), "link")
	require.NoError(t, os.Symlink(target, link))
	require.Equal(t, open, refusal(t, check(t, me(), link)).Path)
}

func TestALinkOfAnotherUserIsRefused(t *testing.T) {
	folder, file := place(t, 0o777|os.ModeSticky, 0o644)
	link := filepath.Join(folder, "link")
	require.NoError(t, os.Symlink(file, link))
	require.ErrorContains(t, check(t, strangers(t, link), link), "and not to you or root")
}

// TestAMountedConfigMapIsTrusted builds the layout of Kubernetes: the file is a link
// into a folder that is a link itself.
func TestAMountedConfigMapIsTrusted(t *testing.T) {
	folder := t.TempDir()
	data := filepath.Join(folder, "..2026_11_30")
	require.NoError(t, os.Mkdir(data, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(data, "mediaferry.yaml"), nil, 0o644))
	require.NoError(t, os.Symlink(filepath.Base(data), filepath.Join(folder, "..data")))
	link := filepath.Join(folder, "mediaferry.yaml")
	require.NoError(t, os.Symlink(filepath.Join("..data", "mediaferry.yaml"), link))
	require.NoError(t, check(t, me(), link))
	require.NoError(t, os.Chmod(data, 0o777))
	require.Equal(t, data, refusal(t, check(t, me(), link)).Path)
}

func TestAFileWithoutANameIsTrusted(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer func() { require.NoError(t, errors.Join(read.Close(), write.Close())) }()
	require.NoError(t, me().check(read, "/dev/fd/no-such-file"))
}

func TestASecretThatOthersCanReadIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o640, 0o644, 0o604, 0o601} {
		_, file := place(t, 0o700, mode)
		require.Equal(t, "to prevent that: chmod 600 "+file, refusal(t, checkSecret(t, file)).Hint)
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		_, file := place(t, 0o700, mode)
		require.NoError(t, checkSecret(t, file))
	}
}

func TestAFolderIsMadeForItsOwnerAlone(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "some", "data")
	closed, err := Folder(folder)
	require.NoError(t, err)
	require.False(t, closed)
	require.Equal(t, os.FileMode(0o700), modeAt(t, folder))
}

func TestAFolderThatOthersCanLookIntoIsClosed(t *testing.T) {
	folder, _ := place(t, 0o755, 0o600)
	closed, err := Folder(folder)
	require.NoError(t, err)
	require.True(t, closed)
	require.Equal(t, os.FileMode(0o700), modeAt(t, folder))
}

func TestAFolderThatOthersCanWriteIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o777, 0o770, 0o722} {
		folder, _ := place(t, mode, 0o600)
		_, err := Folder(folder)
		require.Contains(t, refusal(t, err).Hint, "chmod 700 "+folder)
		require.Equal(t, mode.Perm(), modeAt(t, folder), "nothing was changed")
	}
}

func TestAFolderWithTheStickyBitIsClosedWhereAllInItIsTheUsers(t *testing.T) {
	folder, _ := place(t, 0o777|os.ModeSticky, 0o600)
	closed, err := Folder(folder)
	require.NoError(t, err)
	require.True(t, closed)
	require.Equal(t, os.FileMode(0o700), modeAt(t, folder))

	if os.Geteuid() != 0 {
		return // nobody else can put a file of another user there
	}
	folder, file := place(t, 0o777|os.ModeSticky, 0o600)
	_, err = strangers(t, file).folder(folder)
	require.Contains(t, refusal(t, err).Hint, "chmod 700 "+folder)
}

func TestAFolderOfAnotherUserIsRefused(t *testing.T) {
	folder, _ := place(t, 0o755, 0o600)
	_, err := strangers(t, folder).folder(folder)
	require.Contains(t, refusal(t, err).Hint, "sudo chown -R")
}

func TestACommandQuotesItsPath(t *testing.T) {
	require.Equal(t, "/srv/a-b.yaml", quote("/srv/a-b.yaml"))
	require.Equal(t, `'/srv/it'\''s here'`, quote("/srv/it's here"))
}

func modeAt(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Mode().Perm()
}

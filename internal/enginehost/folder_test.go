package enginehost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEngineOfAnotherUserIsRefused(t *testing.T) {
	f := folder(t.TempDir())
	require.NoError(t, f.checkOwner(os.Geteuid()), "no engine was announced")
	require.NoError(t, f.write(record{Ready: true}))
	require.NoError(t, f.checkOwner(os.Geteuid()))
	require.ErrorContains(t, f.checkOwner(os.Geteuid()+1), "belongs to user")
}

func TestOwnerOfAFolderIsNamedWhereThatIsTheReason(t *testing.T) {
	home := t.TempDir()
	data := filepath.Join(home, "not", "there")
	denied := &fs.PathError{Op: "mkdir", Path: data, Err: fs.ErrPermission}
	err := cannotUse(data, denied, os.Geteuid()+1)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, "cannot be used: mkdir")
	require.ErrorContains(t, err, home+`" belongs to user`)
	require.NotContains(t, cannotUse(data, denied, os.Geteuid()).Error(), "belongs to")
	require.NotContains(t, cannotUse(data, errors.New("full"), os.Geteuid()+1).Error(), "belongs to")
}

func TestRecordThatCannotBeReadIsAnError(t *testing.T) {
	f := folder(t.TempDir())
	_, err := f.read()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(f.addressFile(), []byte("{"), 0o600))
	_, err = f.read()
	require.ErrorContains(t, err, "engine.json")
	require.NoError(t, f.write(record{Host: 5}))
	found, err := f.read()
	require.NoError(t, err)
	require.Equal(t, 5, found.Host)
}

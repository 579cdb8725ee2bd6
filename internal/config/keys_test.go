package config_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
)

// keyText is a key as people write it.
func keyText(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, codec.KeySize))
}

func idsOf(t *testing.T, text string) []string {
	t.Helper()
	keys, err := codec.ParseKeys(text)
	require.NoError(t, err)
	return keys.IDs()
}

func TestAKeyIsMadeForTheEmbeddedEngine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "mediaferry")
	for name, text := range map[string]string{"no key": "", "a variable that is not set": "encryption: {key: '${UNSET_KEY}'}"} {
		t.Run(name, func(t *testing.T) {
			c := load(t, text)
			first, err := c.EncryptionKeys(t.Context(), dir, true)
			require.NoError(t, err)
			require.Len(t, first.IDs(), 1)
			again, err := c.EncryptionKeys(t.Context(), dir, true)
			require.NoError(t, err)
			require.Equal(t, first.IDs(), again.IDs())
		})
	}
	info, err := os.Stat(filepath.Join(dir, config.KeyFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "no draft stays")
}

func TestManyWhoMakeTheKeyGetTheSame(t *testing.T) {
	dir := t.TempDir()
	type made struct {
		ids []string
		err error
	}
	results := make(chan made)
	const many = 32
	for range many {
		go func() {
			keys, err := config.Empty(nil).EncryptionKeys(t.Context(), dir, true)
			results <- made{keys.IDs(), err}
		}()
	}
	first := <-results
	require.NoError(t, first.err)
	for range many - 1 {
		next := <-results
		require.NoError(t, next.err)
		require.Equal(t, first.ids, next.ids)
	}
}

func TestAServiceNeedsASharedKey(t *testing.T) {
	dir := t.TempDir()
	_, err := config.Empty(nil).EncryptionKeys(t.Context(), dir, false)
	require.ErrorContains(t, err, "openssl rand -base64 32")
	_, err = load(t, "encryption: {key: '${UNSET_KEY}'}").EncryptionKeys(t.Context(), dir, false)
	require.ErrorContains(t, err, "needs the environment variable UNSET_KEY, which is not set; create a key with: openssl rand -base64 32")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files, "nothing is made")
}

func TestConfiguredKeys(t *testing.T) {
	t.Setenv("KEYS", keyText(2)+","+keyText(1))
	c := load(t, "encryption: {key: '${KEYS}'}")
	keys, err := c.EncryptionKeys(t.Context(), t.TempDir(), false)
	require.NoError(t, err)
	require.Equal(t, idsOf(t, keyText(2)+","+keyText(1)), keys.IDs())

	t.Setenv("KEYS", "too short")
	_, err = load(t, "encryption: {key: '${KEYS}'}").EncryptionKeys(t.Context(), t.TempDir(), true)
	require.ErrorContains(t, err, "encryption.key (")
	require.NotContains(t, err.Error(), "too short")
}

func TestTheEmbeddedEnginesOwnKeyStillDecrypts(t *testing.T) {
	dir := t.TempDir()
	own, err := config.Empty(nil).EncryptionKeys(t.Context(), dir, true)
	require.NoError(t, err)
	t.Setenv("KEYS", keyText(1))
	keys, err := load(t, "encryption: {key: '${KEYS}'}").EncryptionKeys(t.Context(), dir, true)
	require.NoError(t, err)
	require.Equal(t, append(idsOf(t, keyText(1)), own.IDs()...), keys.IDs())
}

func TestAMissingKeyFileIsAMistakeEverywhere(t *testing.T) {
	dir := t.TempDir()
	_, err := load(t, "encryption: {key: '${file:none}'}").EncryptionKeys(t.Context(), dir, true)
	require.ErrorContains(t, err, "which does not exist")
	require.NoFileExists(t, filepath.Join(dir, config.KeyFile))
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	t.Run("damaged", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, config.KeyFile), []byte("hunter2"), 0o600))
		_, err := config.Empty(nil).EncryptionKeys(t.Context(), dir, true)
		require.ErrorContains(t, err, "is damaged; restore it from a backup")
		require.NotContains(t, err.Error(), "hunter2")
	})
	t.Run("open to everybody", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), config.KeyFile)
		require.NoError(t, os.WriteFile(path, []byte(keyText(1)), 0o600))
		require.NoError(t, os.Chmod(path, 0o644))
		_, err := config.Empty(nil).EncryptionKeys(t.Context(), filepath.Dir(path), true)
		require.ErrorContains(t, err, "chmod 600 "+path)
	})
}

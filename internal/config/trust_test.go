package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/config"
)

func TestAConfigurationThatOthersCanChangeIsNotUsed(t *testing.T) {
	path := write(t, "accounts: {}")
	require.NoError(t, os.Chmod(path, 0o666))
	_, err := config.Load(path)
	require.ErrorAs(t, err, new(config.Problems))
	require.EqualError(t, err, "configuration "+path+" is not used: it can be changed by other users (mode 0666); to prevent that: chmod go-w "+path)
	require.NoError(t, os.Chmod(path, 0o644))
	require.NoError(t, os.Chmod(filepath.Dir(path), 0o777))
	_, err = config.Load(path)
	require.ErrorContains(t, err, "chmod go-w "+filepath.Dir(path))
}

func TestAWarningSaysThatOthersCanReadTheSecretsInAFile(t *testing.T) {
	path := write(t, "accounts: {a: {vendor: trustana, api_key: plain-key}}")
	for mode, want := range map[os.FileMode]int{0o600: 1, 0o644: 2} {
		require.NoError(t, os.Chmod(path, mode))
		c, err := config.Load(path)
		require.NoError(t, err)
		require.Len(t, c.Warnings, want)
	}
	path = write(t, "accounts: {a: {vendor: trustana, api_key: '${KEY}'}}")
	require.NoError(t, os.Chmod(path, 0o644))
	c, err := config.Load(path)
	require.NoError(t, err)
	require.Empty(t, c.Warnings, "there are no secrets in it")
}

func TestASecretFileThatOthersCanChangeIsNotRead(t *testing.T) {
	path := write(t, "accounts: {a: {vendor: trustana, api_key: '${file:key}'}}")
	secret := filepath.Join(filepath.Dir(path), "key")
	require.NoError(t, os.WriteFile(secret, []byte("secret-1"), 0o600))
	require.NoError(t, os.Chmod(secret, 0o662))
	c, err := config.Load(path)
	require.NoError(t, err)
	_, err = c.Account("a")
	require.ErrorContains(t, err, "which can be changed by other users (mode 0662); to prevent that: chmod go-w "+secret)
}

func TestASecretFileThatOthersCanReadDrawsAdvice(t *testing.T) {
	path := write(t, "accounts: {a: {vendor: trustana, api_key: '${file:key}'}}")
	secret := filepath.Join(filepath.Dir(path), "key")
	require.NoError(t, os.WriteFile(secret, []byte("secret-1"), 0o600))
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o644: 1, 0o640: 1} {
		require.NoError(t, os.Chmod(secret, mode))
		c, err := config.Load(path)
		require.NoError(t, err)
		_, err = c.Account("a")
		require.NoError(t, err, "it is used all the same")
		problems, advice := c.Check()
		require.Empty(t, problems)
		require.Len(t, advice, want)
	}
}

func TestAnEncryptionKeyThatOthersCanReadIsRefused(t *testing.T) {
	path := write(t, "encryption: {key: '${file:key}'}")
	secret := filepath.Join(filepath.Dir(path), "key")
	require.NoError(t, os.WriteFile(secret, []byte(keyText(1)), 0o600))
	c, err := config.Load(path)
	require.NoError(t, err)
	_, err = c.EncryptionKeys(t.Context(), "", false)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(secret, 0o640))
	c, err = config.Load(path)
	require.NoError(t, err)
	_, err = c.EncryptionKeys(t.Context(), "", false)
	require.ErrorContains(t, err, "chmod 600 "+secret)
}

func TestAFileThatWasPutRightIsReadAgain(t *testing.T) {
	path := write(t, "accounts: {}")
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
	require.NoError(t, os.Chmod(path, 0o666))
	live := config.Watch(path, nil)
	_, err := live.Config()
	require.Error(t, err)
	require.NoError(t, os.Chmod(path, 0o600))
	require.Eventually(t, func() bool { _, err := live.Config(); return err == nil }, 20*time.Second, 50*time.Millisecond)
}

func TestOnlyAFileThatNobodyNamedComesFromTheCurrentFolder(t *testing.T) {
	t.Setenv(config.FileEnv, "")
	require.True(t, config.FromCurrentFolder("", config.FileName))
	require.False(t, config.FromCurrentFolder(config.FileName, config.FileName))
	require.False(t, config.FromCurrentFolder("", "/home/anna/.config/mediaferry/mediaferry.yaml"))
	t.Setenv(config.FileEnv, config.FileName)
	require.False(t, config.FromCurrentFolder("", config.FileName))
}

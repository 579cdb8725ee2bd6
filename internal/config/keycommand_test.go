package config_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/config"
)

func TestACommandGivesTheKey(t *testing.T) {
	text := `encryption: {key: {command: [sh, -c, "printf '%s\n' \"$0\"", "${KEY}"]}}`
	t.Setenv("KEY", keyText(1)+","+keyText(2))
	keys, err := load(t, text).EncryptionKeys(t.Context(), "", false)
	require.NoError(t, err)
	require.Equal(t, append(idsOf(t, keyText(1)), idsOf(t, keyText(2))...), keys.IDs(), "old keys follow the new one")
}

func TestTheCommandRunsInTheFolderOfTheConfigurationAndWithoutAShell(t *testing.T) {
	path := write(t, `encryption: {key: {command: [./key.sh, "$HOME; echo x", '*']}}`)
	script := "#!/bin/sh\n[ \"$1\" = '$HOME; echo x' ] && [ \"$2\" = '*' ] && cat key.txt\n"
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "key.sh"), []byte(script), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "key.txt"), []byte("  "+keyText(1)+"\r\n\n"), 0o600))
	c, err := config.Load(path)
	require.NoError(t, err)
	keys, err := c.EncryptionKeys(t.Context(), "", false)
	require.NoError(t, err)
	require.Equal(t, idsOf(t, keyText(1)), keys.IDs())
}

func TestTheCommandRunsOnlyForAKey(t *testing.T) {
	path := write(t, `{encryption: {key: {command: [sh, -c, "touch ran"]}}, accounts: {a: {vendor: trustana, api_key: x-1}}}`)
	c, err := config.Load(path)
	require.NoError(t, err)
	_, _ = c.Check()
	_, err = c.Account("a")
	require.NoError(t, err)
	_, err = config.Examine(path)
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(filepath.Dir(path), "ran"))
	_, err = c.EncryptionKeys(t.Context(), "", false)
	require.ErrorContains(t, err, "sh printed nothing; it must print the key")
	require.FileExists(t, filepath.Join(filepath.Dir(path), "ran"))
}

func TestACommandThatFailsIsTold(t *testing.T) {
	for name, c := range map[string]struct{ command, want string }{
		"it complains":     {`[sh, -c, "echo 'permission denied for token=s3cr3t at https://kms/x?sig=s3cr3t' >&2; exit 7"]`, "sh failed: exit status 7; it said: permission denied for token=[redacted] at https://kms/x"},
		"there is none":    {`[no-such-program]`, "no-such-program failed: executable file not found"},
		"it prints no key": {`[echo, hunter2hunter2]`, "encryption key 1 of 1 has 10 bytes but must have 32"},
		"it prints a lot":  {`[sh, -c, "yes | head -c 100000"]`, "printed more than 65536 bytes"},
		"it paints":        {`[sh, -c, "printf '\\033[31mno\\n' >&2; exit 1"]`, "it said: no"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, "encryption: {key: {command: "+c.command+"}}").EncryptionKeys(t.Context(), "", false)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "s3cr3t")
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), "\x1b")
			require.ErrorContains(t, err, "mediaferry.yaml:1")
		})
	}
}

func TestACommandThatHangsIsEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	path := write(t, `encryption: {key: {command: [sh, -c, "echo runs > pipe; sleep 600"]}}`)
	pipe := filepath.Join(filepath.Dir(path), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	c, err := config.Load(path)
	require.NoError(t, err)
	go func() {
		defer cancel()
		_, _ = os.ReadFile(pipe) // until the command has written
	}()
	_, err = c.EncryptionKeys(ctx, "", false)
	require.ErrorIs(t, err, context.Canceled)
}

func TestCommandsThatCannotBeMeant(t *testing.T) {
	for text, want := range map[string]string{
		"encryption: {key: {command: openssl rand}}":  "encryption.key.command is a single value",
		"encryption: {key: {command: []}}":            "encryption.key.command is a list",
		"encryption: {key: {}}":                       "encryption.key has no command",
		"encryption: {key: {comand: [a]}}":            `unknown key "comand" in encryption.key`,
		"encryption: {key: {command: [[a]]}}":         "encryption.key.command[0] is a list",
		"encryption: {key: [a]}":                      "encryption.key is a list",
		"encryption: {key: {command: ['${X'], x: 1}}": "without a valid reference",
	} {
		_, err := config.Load(write(t, text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestALostKeyIsNotMadeAnew(t *testing.T) {
	dir := t.TempDir()
	_, err := config.Empty(nil).EncryptionKeys(t.Context(), dir, true)
	require.NoError(t, err, "the first one is made")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ledger.db"), nil, 0o600))
	require.NoError(t, os.Remove(filepath.Join(dir, config.KeyFile)))
	_, err = config.Empty(nil).EncryptionKeys(t.Context(), dir, true)
	require.ErrorAs(t, err, new(*config.KeyMissingError))
	require.NoFileExists(t, filepath.Join(dir, config.KeyFile))
	_, err = config.MakeKey(dir)
	require.NoError(t, err, "where the ledger needs none")
	_, err = config.Empty(nil).EncryptionKeys(t.Context(), dir, true)
	require.NoError(t, err)
}

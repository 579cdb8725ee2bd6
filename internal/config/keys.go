package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/internal/codec"
)

// KeyFile is the name of the key in the data folder.
const KeyFile = "key"

// EncryptionKeys returns the keys of encryption.key. Where there are none, the
// embedded engine gets one of its own, made in the data folder when it is first
// asked for, by whichever process comes first. A Temporal service that others
// reach needs one that its users share.
//
// With the embedded engine, a key in the data folder still decrypts after one
// was configured.
func (c *Config) EncryptionKeys(dataDir string, embedded bool) (codec.Keys, error) {
	v := c.values["encryption.key"]
	if strings.TrimSpace(v.text) == "" {
		return c.unconfigured(v, dataDir, embedded)
	}
	keys, err := codec.ParseKeys(v.text)
	if err != nil {
		return codec.Keys{}, fmt.Errorf("encryption.key (%s:%d): %w", c.Path, v.line, err)
	}
	if !embedded {
		return keys, nil
	}
	made, err := readKey(filepath.Join(dataDir, KeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return keys, nil
	}
	return keys.With(made), err
}

// unconfigured decides what the lack of a key means. A secret file that is named
// and missing is a mistake everywhere; a variable that is not set may be meant.
func (c *Config) unconfigured(v value, dataDir string, embedded bool) (codec.Keys, error) {
	for _, lack := range v.missing {
		switch {
		case lack.file:
			return codec.Keys{}, fmt.Errorf("encryption.key (%s:%d) wants %s", c.Path, v.line, lack.text)
		case !embedded:
			return codec.Keys{}, fmt.Errorf("encryption.key (%s:%d) wants %s; make one with: openssl rand -base64 32", c.Path, v.line, lack.text)
		}
	}
	if embedded {
		return ownKey(dataDir)
	}
	return codec.Keys{}, errors.New("encryption.key is missing, and a Temporal service needs one that all its users share; " +
		"make one with: openssl rand -base64 32, and set encryption: {key: ${MEDIAFERRY_KEY}}")
}

// ownKey reads the key in the data folder, or makes it.
func ownKey(dataDir string) (codec.Keys, error) {
	path := filepath.Join(dataDir, KeyFile)
	keys, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := makeKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return codec.Keys{}, fmt.Errorf("encryption key %s: %w", path, bare(err))
	}
	return readKey(path) // perhaps another's, who was faster
}

func readKey(path string) (codec.Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return codec.Keys{}, fmt.Errorf("encryption key %s: %w", path, err)
	}
	if open := info.Mode().Perm() & 0o007; open != 0 {
		return codec.Keys{}, fmt.Errorf("encryption key %s may be read by everybody (mode %#o), want 0600: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return codec.Keys{}, fmt.Errorf("encryption key %s: %w", path, err)
	}
	keys, err := codec.ParseKeys(string(raw))
	if err != nil {
		return codec.Keys{}, fmt.Errorf("encryption key %s is damaged, restore it from a copy: %w", path, err)
	}
	return keys, nil
}

// makeKey puts a new key to path, whole or not at all, and never over another: a
// link fails where its name is taken. It fails with fs.ErrExist then.
func makeKey(path string) error {
	text, err := codec.GenerateKey()
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	draft, err := os.CreateTemp(folder, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }() // only its link is wanted
	_, err = draft.WriteString(text + "\n")
	if err == nil {
		err = draft.Sync()
	}
	if closed := draft.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Link(draft.Name(), path)
}

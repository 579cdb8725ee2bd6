package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/trust"
)

// KeyFile and LedgerFile are the names of the key and the ledger in the data folder.
const (
	KeyFile    = "key"
	LedgerFile = "ledger.db"
)

// EncryptionKeys returns the keys in encryption.key. If none is configured, the
// embedded engine uses a key of its own, which the first process that needs it
// creates in the data folder. A Temporal service needs a configured key, which all
// of its users share.
//
// With the embedded engine, the key in the data folder still decrypts after
// another one was configured. It is not made anew where a ledger needs the old one: the
// error is a *KeyMissingError then.
//
// A command that gives the key is run here, and nowhere else.
func (c *Config) EncryptionKeys(ctx context.Context, dataDir string, embedded bool) (codec.Keys, error) {
	v := c.values["encryption.key"]
	if k := c.keyCommand; k != nil {
		text, err := k.run(ctx, c.dir)
		if err != nil {
			return codec.Keys{}, fmt.Errorf("encryption.key (%s:%d): %w", c.Path, k.line, err)
		}
		v.text, v.line = text, k.line
	}
	if strings.TrimSpace(v.text) == "" {
		return c.unconfigured(v, dataDir, embedded)
	}
	if len(v.doubts) > 0 {
		return codec.Keys{}, fmt.Errorf("encryption.key (%s:%d): %w", c.Path, v.line, v.doubts[0])
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

// unconfigured decides what a missing key means. A secret file that is named but
// does not exist is always a mistake; an unset variable may be intended.
func (c *Config) unconfigured(v value, dataDir string, embedded bool) (codec.Keys, error) {
	for _, lack := range v.missing {
		switch {
		case lack.file:
			return codec.Keys{}, fmt.Errorf("encryption.key (%s:%d) needs %s", c.Path, v.line, lack.text)
		case !embedded:
			return codec.Keys{}, fmt.Errorf("encryption.key (%s:%d) needs %s; create a key with: openssl rand -base64 32", c.Path, v.line, lack.text)
		}
	}
	if embedded {
		return ownKey(dataDir)
	}
	return codec.Keys{}, errors.New("encryption.key is missing; with a Temporal service, all users must share one key. " +
		"Create one with `openssl rand -base64 32`, and set encryption: {key: ${MEDIAFERRY_KEY}}")
}

// ownKey reads the key in the data folder, and creates it if there is none.
func ownKey(dataDir string) (codec.Keys, error) {
	path := filepath.Join(dataDir, KeyFile)
	keys, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := lostKey(dataDir); err != nil {
		return codec.Keys{}, err
	}
	return MakeKey(dataDir)
}

// KeyMissingError says that the key of the data folder is missing, but that there is a
// ledger, which may need it.
type KeyMissingError struct{ Path string }

func (e *KeyMissingError) Error() string {
	return fmt.Sprintf("the encryption key %s is missing, but there is a ledger beside it", e.Path)
}

// lostKey refuses to make a key where one was used before: it would open nothing.
func lostKey(dataDir string) error {
	if _, err := os.Stat(filepath.Join(dataDir, LedgerFile)); err != nil {
		return nil
	}
	return &KeyMissingError{filepath.Join(dataDir, KeyFile)}
}

// MakeKey makes the key of a data folder whose ledger needs none yet.
func MakeKey(dataDir string) (codec.Keys, error) {
	path := filepath.Join(dataDir, KeyFile)
	if err := makeKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return codec.Keys{}, fmt.Errorf("encryption key %s: %w", path, bare(err))
	}
	return readKey(path) // another process may have created it first
}

func readKey(path string) (codec.Keys, error) {
	file, err := trust.OpenSecret(path)
	var refusal *trust.Refusal
	if errors.As(err, &refusal) {
		return codec.Keys{}, fmt.Errorf("encryption key %w", refusal)
	}
	if err != nil {
		return codec.Keys{}, fmt.Errorf("encryption key %s: %w", path, bare(err))
	}
	defer func() { _ = file.Close() }() // only read
	raw, err := io.ReadAll(io.LimitReader(file, secretMost))
	if err != nil {
		return codec.Keys{}, fmt.Errorf("encryption key %s: %w", path, bare(err))
	}
	keys, err := codec.ParseKeys(string(raw))
	if err != nil {
		return codec.Keys{}, fmt.Errorf("encryption key %s is damaged; restore it from a backup: %w", path, err)
	}
	return keys, nil
}

// makeKey writes a new key to path. The error is fs.ErrExist if there is one.
func makeKey(path string) error {
	text, err := codec.GenerateKey()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return guard.CreateSecret(path, text)
}

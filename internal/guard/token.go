package guard

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tokenBytes is how many random bytes a token has.
const tokenBytes = 32

// tokenLeast is how many characters a token must have that somebody wrote into the file.
const tokenLeast = 16

// TokenFile is the path of the token of a data folder.
func TokenFile(data string) string { return filepath.Join(data, "token") }

// MakeToken returns the token of a data folder, and makes one, for its owner alone,
// where there is none. Several processes may call it at once; all get the same one.
func MakeToken(data string) (string, error) {
	token, err := ReadToken(data)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // it never fails
	err = CreateSecret(TokenFile(data), base64.RawURLEncoding.EncodeToString(random))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("token of the data folder: %w", err)
	}
	return ReadToken(data)
}

// CreateSecret writes a line to a new file for its owner alone, as a whole or not at all.
// It replaces nothing: the error is fs.ErrExist where there is a file, whoever made it.
func CreateSecret(path, line string) error {
	draft, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }() // only its link is kept
	_, err = draft.WriteString(line + "\n")
	if err == nil {
		err = draft.Sync()
	}
	if err := errors.Join(err, draft.Close()); err != nil {
		return err
	}
	return os.Link(draft.Name(), path)
}

// ReadToken returns the token of a data folder. The error is fs.ErrNotExist where there
// is none. A file that others than its owner may read or write is refused.
func ReadToken(data string) (string, error) {
	path := TokenFile(data)
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("token of the data folder: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("token of the data folder: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("others can read or change the token %q (mode %04o); run: rm %q. A new one is made at the next start", path, mode, path)
	}
	text := make([]byte, 4<<10)
	n, err := file.Read(text)
	token := strings.TrimSpace(string(text[:n]))
	if len(token) < tokenLeast || strings.ContainsAny(token, " \t\r\n") {
		return "", errors.Join(fmt.Errorf("%q has no token of at least %d characters on one line; remove the file, and a new one is made at the next start", path, tokenLeast), err)
	}
	return token, nil
}

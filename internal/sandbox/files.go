package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// fileStore keeps bytes that do not pass through S3: under a name that may be
// anything, in a file whose own name is a hash of it.
type fileStore struct {
	dir, tmp string
	discard  bool // count and hash, and keep nothing
	sha256   bool
}

// staged is bytes that have arrived but are not kept yet.
type staged struct {
	content
	store *fileStore
	path  string // empty where bytes are discarded
}

// stage reads src to its end. Whoever gets a staged one keeps or drops it.
func (f *fileStore) stage(src io.Reader, o measureOptions) (*staged, error) {
	o.sha256 = f.sha256
	m := newMeasuredReader(src, o)
	if f.discard {
		if _, err := io.Copy(io.Discard, m); err != nil {
			return nil, err
		}
		return &staged{content: m.content(), store: f}, nil
	}
	out, err := os.CreateTemp(f.tmp, "body-*")
	if err != nil {
		return nil, fmt.Errorf("store a body: %w", err)
	}
	_, err = io.Copy(out, m)
	if err = errors.Join(err, out.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(out.Name()))
	}
	return &staged{content: m.content(), store: f, path: out.Name()}, nil
}

// keep makes the bytes the content of name; an earlier content is replaced.
func (s *staged) keep(name string) error {
	if s.path == "" {
		return nil
	}
	to := s.store.path(name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("store %q: %w", name, err)
	}
	if err := os.Rename(s.path, to); err != nil {
		return fmt.Errorf("store %q: %w", name, err)
	}
	return nil
}

// drop throws the bytes away.
func (s *staged) drop() {
	if s.path != "" {
		_ = os.Remove(s.path)
	}
}

func (f *fileStore) path(name string) string {
	sum := sha256.Sum256([]byte(name))
	h := hex.EncodeToString(sum[:])
	return filepath.Join(f.dir, h[:2], h[2:])
}

func (f *fileStore) open(name string) (*os.File, error) { return os.Open(f.path(name)) }

func (f *fileStore) remove(name string) { _ = os.Remove(f.path(name)) }

package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// FileStore keeps bytes that do not pass through S3: under a name that may be
// anything, in a file whose own name is a hash of it.
type FileStore struct {
	dir, tmp string
	Discard  bool // count and hash, and keep nothing
	sha256   bool
}

// Staged is bytes that have arrived but are not kept yet.
type Staged struct {
	Content
	store *FileStore
	path  string // empty where bytes are discarded
}

// Stage reads src to its end. Whoever gets a staged one keeps or drops it.
func (f *FileStore) Stage(src io.Reader, o Measure) (*Staged, error) {
	o.SHA256 = f.sha256
	m := NewMeasuredReader(src, o)
	if f.Discard {
		if _, err := io.Copy(io.Discard, m); err != nil {
			return nil, err
		}
		return &Staged{Content: m.Content(), store: f}, nil
	}
	out, err := os.CreateTemp(f.tmp, "body-*")
	if err != nil {
		return nil, fmt.Errorf("store a body: %w", err)
	}
	_, err = io.Copy(out, m)
	if err = errors.Join(err, out.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(out.Name()))
	}
	return &Staged{Content: m.Content(), store: f, path: out.Name()}, nil
}

// Keep makes the bytes the content of name; an earlier content is replaced.
func (s *Staged) Keep(name string) error {
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

// Drop throws the bytes away.
func (s *Staged) Drop() {
	if s.path != "" {
		_ = os.Remove(s.path)
	}
}

func (f *FileStore) path(name string) string {
	sum := sha256.Sum256([]byte(name))
	h := hex.EncodeToString(sum[:])
	return filepath.Join(f.dir, h[:2], h[2:])
}

// Open gives the content of a name.
func (f *FileStore) Open(name string) (*os.File, error) { return os.Open(f.path(name)) }

// Remove takes a name and its content away.
func (f *FileStore) Remove(name string) { _ = os.Remove(f.path(name)) }

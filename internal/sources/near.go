package sources

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
)

// lists reports whether the names in a folder may be told: those of files that may be
// read.
func (l *local) lists(folder string) bool {
	if l.everywhere {
		return true
	}
	resolved, err := filepath.EvalSymlinks(folder)
	if err != nil || l.refuses(resolved) != nil {
		return false
	}
	return slices.ContainsFunc(l.roots, func(root string) bool {
		root, err := filepath.EvalSymlinks(root)
		_, below := within(root, resolved)
		return err == nil && below
	})
}

func (l *local) reads(path string) bool {
	file, _, err := l.place(path).openFile(context.Background())
	if err != nil {
		return false
	}
	_ = file.Close() // only opened
	return true
}

// advised adds to a failure what was probably meant, where something is near.
func (p *localPlace) advised(err error) error {
	var t *trouble
	if !errors.As(err, &t) {
		return err
	}
	switch {
	case t.folder:
		t.advice = p.near.InFolder(p.path)
	case errors.Is(t.cause, fs.ErrNotExist), errors.Is(t.cause, syscall.ENOTDIR):
		if near := p.near.Hint(p.path); near != "" {
			t.advice = near
		}
	}
	return t
}

package report

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// StaysError says that a file for a trial could be written and not be removed again.
type StaysError struct {
	Where string
	cause error
}

func (e *StaysError) Error() string { return e.Where + " could not be removed: " + e.cause.Error() }

// Unwrap is why.
func (e *StaysError) Unwrap() error { return e.cause }

// Try reports whether reports can be written to a target: it writes a file of a name that
// no report has and removes it. Where only the latter fails, the error is a *StaysError.
func Try(ctx context.Context, target Target) error {
	name := ".mediaferry-doctor-" + strings.ToLower(rand.Text()[:8]) + ".txt"
	_, unknown := os.Stat(target.Place)
	err := Store(ctx, target, name, func(w io.Writer) error {
		_, err := io.WriteString(w, "mediaferry doctor tried whether it can write here. You can remove this file.\n")
		return err
	})
	if err != nil {
		return err
	}
	if err := remove(ctx, target, name); err != nil {
		return &StaysError{target.Display(name), err}
	}
	if upload.IsLocal(target.Place) && errors.Is(unknown, os.ErrNotExist) {
		_ = os.Remove(target.Place) // it was made for this; where it is in use by now, it stays
	}
	return nil
}

func remove(ctx context.Context, target Target, name string) error {
	if upload.IsLocal(target.Place) {
		return os.Remove(filepath.Join(target.Place, name))
	}
	where, err := target.object(name)
	switch {
	case err != nil:
		return err
	case where.scheme == "oss":
		return where.removeOSS(ctx)
	}
	return where.removeS3(ctx)
}

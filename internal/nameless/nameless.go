// Package nameless makes temporary files that no name leads to: nobody else opens them, and
// they are gone with whoever has them open, however that ends. It refuses to know what is
// kept in them.
package nameless

import (
	"errors"
	"io/fs"
	"os"
)

// Create makes a file with mode 0600 in a folder, and takes its name away. dir "" is the
// system's folder for temporary files, which also serves where dir does not exist: a
// command may need no data folder.
func Create(dir string) (*os.File, error) {
	const pattern = ".mediaferry-*"
	file, err := os.CreateTemp(dir, pattern)
	if errors.Is(err, fs.ErrNotExist) {
		file, err = os.CreateTemp("", pattern)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

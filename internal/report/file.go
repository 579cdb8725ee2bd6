package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	// ourFolder is the mode of folders that are made on the way.
	ourFolder = 0o700
	// mostLinks is how many symbolic links a name may lead through.
	mostLinks = 40
)

// StoreFile writes the file of a path: what write writes. A regular file is
// replaced as a whole, or made, for its owner alone; a symbolic link stays, and
// the file that it names is replaced. A pipe, a device or a socket is written to
// as it is, since replacing it would take it from those who use it: what was
// written before an error stays written there.
func StoreFile(ctx context.Context, full string, write func(io.Writer) error) error {
	info, err := os.Stat(full)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder; give the name of a file", full)
	case err == nil && !info.Mode().IsRegular():
		return writeThrough(ctx, full, write)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("output file: %w", err)
	}
	if full, err = behindLinks(full); err != nil {
		return err
	}
	return replaceFile(ctx, full, write)
}

// replaceFile replaces a file by way of a temporary one beside it.
func replaceFile(ctx context.Context, full string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(full), "."+filepath.Base(full)+"-") // mode 0600
	if err != nil {
		return fmt.Errorf("output file: %w", err)
	}
	err = write(&patient{ctx, file})
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), full)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// behindLinks is the path of the file that a path stands for, also where that is
// not there yet; its folder is made.
func behindLinks(full string) (string, error) {
	for range mostLinks {
		folder := filepath.Dir(full)
		if err := os.MkdirAll(folder, ourFolder); err != nil {
			return "", fmt.Errorf("folder of the output file: %w", err)
		}
		folder, err := filepath.EvalSymlinks(folder) // what a link says counts from where it lies
		if err != nil {
			return "", fmt.Errorf("folder of the output file: %w", err)
		}
		full = filepath.Join(folder, filepath.Base(full))
		named, err := os.Readlink(full)
		if err != nil { // it is no link, or not there
			return full, nil
		}
		if !filepath.IsAbs(named) {
			named = filepath.Join(folder, named)
		}
		full = named
	}
	return "", fmt.Errorf("%s passes through more than %d symbolic links", full, mostLinks)
}

// writeThrough writes into what is no regular file. The opening of a pipe waits
// for somebody who reads.
func writeThrough(ctx context.Context, full string, write func(io.Writer) error) error {
	type opening struct {
		file *os.File
		err  error
	}
	opened := make(chan opening, 1)
	go func() {
		file, err := os.OpenFile(full, os.O_WRONLY, 0)
		opened <- opening{file, err}
	}()
	select {
	case <-ctx.Done():
		go func() { // should a reader still come, it is told that there is nothing
			if late := <-opened; late.err == nil {
				_ = late.file.Close()
			}
		}()
		return ctx.Err()
	case now := <-opened:
		if now.err != nil {
			return fmt.Errorf("output file: %w", now.err)
		}
		return errors.Join(write(&patient{ctx, now.file}), now.file.Close())
	}
}

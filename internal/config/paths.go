package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Names that locate the configuration and the data folder.
const (
	FileName = "mediaferry.yaml"
	FileEnv  = "MEDIAFERRY_CONFIG"
	DataEnv  = "MEDIAFERRY_DATA"
)

const folderName = "mediaferry"

// Named returns the file that --config names, or else the one that the environment
// names, or "".
func Named(explicit string) string {
	if explicit != "" {
		return explicit
	}
	return os.Getenv(FileEnv)
}

// Find returns the configuration to use: the named one, or else
// ./mediaferry.yaml, or else mediaferry.yaml in the user's configuration folder. A
// named file must exist. If there is no file at all, path is "" and searched lists
// the places.
func Find(explicit string) (path string, searched []string, err error) {
	if named := Named(explicit); named != "" {
		source := "--config"
		if explicit == "" {
			source = FileEnv
		}
		info, err := os.Stat(named)
		switch {
		case err != nil:
			return "", []string{named}, fmt.Errorf("configuration %s, named by %s: %w", named, source, bare(err))
		case info.IsDir():
			return "", []string{named}, fmt.Errorf("configuration %s, named by %s, is a folder; use a file", named, source)
		}
		return named, []string{named}, nil
	}
	searched = []string{FileName}
	if folder, err := os.UserConfigDir(); err == nil { // without a home there is no such folder
		searched = append(searched, filepath.Join(folder, folderName, FileName))
	}
	for _, candidate := range searched {
		switch info, err := os.Stat(candidate); {
		case err == nil && !info.IsDir():
			return candidate, searched, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", searched, fmt.Errorf("configuration %s: %w", candidate, bare(err))
		}
	}
	return "", searched, nil
}

// Target returns the configuration to write to: the named one, whether it exists or not,
// or else the one that Find finds, or else ./mediaferry.yaml.
func Target(explicit string) string {
	if named := Named(explicit); named != "" {
		return named
	}
	if found, _, err := Find(explicit); err == nil && found != "" {
		return found
	}
	return FileName
}

// FromCurrentFolder reports whether Find found path in the current folder, which
// nobody named.
func FromCurrentFolder(explicit, path string) bool { return Named(explicit) == "" && path == FileName }

// DataDir returns the data folder as an absolute path: the one that --data names,
// or else the one that the environment names, or else one in the user's state
// folder. It does not create the folder.
func DataDir(explicit string) (string, error) {
	for _, named := range []string{explicit, os.Getenv(DataEnv)} {
		if named != "" {
			return filepath.Abs(named)
		}
	}
	folder, err := stateDir()
	if err != nil {
		return "", fmt.Errorf("no data folder: %w; choose one with --data", err)
	}
	return filepath.Join(folder, folderName), nil
}

// stateDir is the folder in which the system keeps a user's state.
func stateDir() (string, error) {
	if runtime.GOOS == "darwin" {
		return os.UserConfigDir() // Library/Application Support holds both
	}
	if folder := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(folder) {
		return folder, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state"), nil
}

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Where a configuration and the data folder are looked for.
const (
	FileName = "mediaferry.yaml"
	FileEnv  = "MEDIAFERRY_CONFIG"
	DataEnv  = "MEDIAFERRY_DATA"
)

const folderName = "mediaferry"

// Named returns the file that the flag --config, or else the environment, names;
// "" where neither does.
func Named(explicit string) string {
	if explicit != "" {
		return explicit
	}
	return os.Getenv(FileEnv)
}

// Find returns the configuration to use: the one that is named, or else
// ./mediaferry.yaml, or else mediaferry.yaml in the user's configuration folder.
// One that is named must be there. Where there is none at all, path is "" and
// searched says where it might have been.
func Find(explicit string) (path string, searched []string, err error) {
	if named := Named(explicit); named != "" {
		source := "--config"
		if explicit == "" {
			source = FileEnv
		}
		info, err := os.Stat(named)
		switch {
		case err != nil:
			return "", []string{named}, fmt.Errorf("configuration %s, which %s names: %w", named, source, bare(err))
		case info.IsDir():
			return "", []string{named}, fmt.Errorf("configuration %s, which %s names, is a folder, want a file", named, source)
		}
		return named, []string{named}, nil
	}
	searched = []string{FileName}
	if folder, err := os.UserConfigDir(); err == nil { // no home, no such folder
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

// DataDir returns the data folder as an absolute path: the one that the flag
// --data, or else the environment, names, or else one in the user's state
// folder. It makes nothing.
func DataDir(explicit string) (string, error) {
	for _, named := range []string{explicit, os.Getenv(DataEnv)} {
		if named != "" {
			return filepath.Abs(named)
		}
	}
	folder, err := stateDir()
	if err != nil {
		return "", fmt.Errorf("no data folder: %w, name one with --data", err)
	}
	return filepath.Join(folder, folderName), nil
}

// stateDir is where the system keeps a user's state.
func stateDir() (string, error) {
	if runtime.GOOS == "darwin" {
		return os.UserConfigDir() // Library/Application Support is for both
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

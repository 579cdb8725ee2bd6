package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secretsFolder is where AddAccount puts secrets, beside the configuration.
const (
	secretsFolder = "secrets"
	ignoreFile    = ".gitignore"
)

// writeSecret writes a secret that nobody else can read, and returns its path from the
// configuration's folder. A file that is there stays as it is.
func writeSecret(config, name, secret string) (string, error) {
	folder := filepath.Join(filepath.Dir(config), secretsFolder)
	err := os.Mkdir(folder, 0o700)
	if err == nil { // secrets have no place in a repository
		err = os.WriteFile(filepath.Join(folder, ignoreFile), []byte("*\n"), 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("folder for secrets: %w", err)
	}
	path := filepath.Join(folder, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", Problems{{Message: "secret file " + path + " exists already", Hint: "remove it, or refer to it with ${file:" + path + "}"}}
	}
	if err != nil {
		return "", fmt.Errorf("secret file: %w", err)
	}
	_, err = file.WriteString(secret + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(path) // it is incomplete
		return "", fmt.Errorf("secret file: %w", err)
	}
	return filepath.Join(secretsFolder, name), nil
}

// removeEmpty removes a folder for secrets that holds none.
func removeEmpty(folder string) {
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 || files[0].Name() != ignoreFile {
		return
	}
	_ = os.Remove(filepath.Join(folder, ignoreFile)) // it says nothing
	_ = os.Remove(folder)                            // where a secret was put into it meanwhile, it stays
}

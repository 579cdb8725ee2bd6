package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrAccountExists means that a configuration already has an account of that name.
var ErrAccountExists = errors.New("account exists already")

// NewAccount is an account to be added to a configuration.
type NewAccount struct {
	Name, Vendor string
	Settings     []NewSetting // written in this order
}

// NewSetting is a key of an account with its value, which may refer to a variable or a
// file. A secret is written to a file of its own, to which the configuration then refers.
type NewSetting struct {
	Key, Value string
	Secret     bool
}

// Added says what AddAccount did.
type Added struct {
	Created bool     // there was no file before
	Files   []string // the secret files that were written
	Advice  Problems // values that the vendor probably rejects
}

// AddAccount adds an account to a configuration, which is created if there is none. The
// rest of the file keeps its text and its mode. Nothing is changed unless the result is a
// valid configuration: otherwise the error says what is wrong.
func AddAccount(path string, account NewAccount) (added Added, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return added, err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays one
	}
	old, err := current(path, account.Name)
	if errors.Is(err, fs.ErrNotExist) {
		added.Created, err = true, os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return added, err
	}
	undo := func() {
		for _, file := range added.Files {
			_ = os.Remove(file) // written a moment ago, for nothing
		}
		added.Files = nil
		removeEmpty(filepath.Join(filepath.Dir(path), secretsFolder))
	}
	account.Settings = slices.Clone(account.Settings)
	for i, setting := range account.Settings {
		if !setting.Secret {
			continue
		}
		file, err := writeSecret(path, account.Name+"."+setting.Key, setting.Value)
		if err != nil {
			undo()
			return added, err
		}
		added.Files = append(added.Files, filepath.Join(filepath.Dir(path), file))
		account.Settings[i].Value = "${file:" + file + "}"
	}
	text, err := withAccount(old, account)
	if err == nil {
		added.Advice, err = replaceFile(path, old, text, account.Name)
	}
	if err != nil {
		undo()
	}
	return added, err
}

// Vacant makes sure that AddAccount can add an account of this name.
func Vacant(path, name string) error {
	if !accountName.MatchString(name) {
		return Problems{{Message: fmt.Sprintf("invalid account name %q", name), Hint: accountNameHint}}
	}
	if _, err := current(path, name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// current is the text of a configuration that is valid and lacks the account. It is nil
// if there is no file.
func current(path, name string) ([]byte, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	c, err := Load(path)
	if err != nil {
		return nil, err
	}
	if _, err := c.find(name); err == nil {
		return nil, fmt.Errorf("%s: %w: %s", path, ErrAccountExists, name)
	}
	return os.ReadFile(path)
}

// replaceFile puts a new text in the place of a configuration, if it is valid and the old
// one is still there.
func replaceFile(path string, old, text []byte, name string) (advice Problems, err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // where it was not renamed
	_, err = temporary.Write(text)
	if was, statErr := os.Stat(path); statErr == nil {
		err = errors.Join(err, temporary.Chmod(was.Mode().Perm()), keepOwner(temporary, was))
	}
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	next, err := Load(temporary.Name())
	if err != nil {
		return nil, renamed(err, temporary.Name(), path)
	}
	problems, advice := next.check(name)
	if len(problems) > 0 {
		return nil, renamed(problems, temporary.Name(), path)
	}
	now, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !bytes.Equal(now, old) {
		return nil, fmt.Errorf("configuration %s was changed by somebody else in this moment; try again", path)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	for i := range advice {
		advice[i].File = path
	}
	return advice, nil
}

// check finds what is wrong with one account apart from variables that are not set yet.
func (c *Config) check(name string) (problems, advice Problems) {
	a, err := c.find(name)
	if err != nil {
		return Problems{{File: c.Path, Message: err.Error()}}, nil
	}
	known := true
	for setting, v := range a.values {
		if len(v.missing) > 0 && !v.lacksFile() {
			v.missing, v.text = nil, "?"
			a.values[setting], known = v, false
		}
	}
	account, found := c.assemble(a)
	if problems = found.all(); len(problems) > 0 || a.spec.Advise == nil || !known {
		return problems, nil
	}
	for _, text := range a.spec.Advise(account.Settings) {
		advice = append(advice, a.problem(c.Path, "accounts.%s: %s", a.name, text))
	}
	return nil, advice
}

// renamed words an error about a file that was tried under another name.
func renamed(err error, from, to string) error {
	var all Problems
	if !errors.As(err, &all) {
		return fmt.Errorf("%s", strings.ReplaceAll(err.Error(), from, to))
	}
	words := make(Problems, len(all))
	for i, one := range all {
		one.File = strings.ReplaceAll(one.File, from, to)
		one.Message, one.Hint = strings.ReplaceAll(one.Message, from, to), strings.ReplaceAll(one.Hint, from, to)
		words[i] = one
	}
	return words
}

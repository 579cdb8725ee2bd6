// Package config reads mediaferry.yaml. It owns the keys of the file, the way
// values are taken from the environment and from secret files, the problems that
// a configuration can have, and the locations of the file, the data folder and
// the encryption key.
//
// A file is read once, together with everything that it refers to, into a Config
// that never changes. A missing secret is reported only when something needs it,
// so that a user who lists uploads need not hold a vendor's credentials. Package
// config opens no connections, logs nothing and never prints a secret.
package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// ErrUnknownAccount means that the configuration has no account with the given
// name.
var ErrUnknownAccount = errors.New("unknown account")

// Config is a configuration as it was when it was read. It is immutable and safe
// for concurrent use.
type Config struct {
	// Path is the file as it was named, or "" if there is no file.
	Path string
	// Warnings are settings that are allowed but unwise, such as secrets in plain
	// text.
	Warnings Problems

	open     bool     // other users can read the file
	dir      string   // absolute folder of the file; relative paths start here
	searched []string // the places where no file was found
	accounts []*account
	values   map[string]value // all scalars outside accounts, by dotted name
	roots    []value
	hasRoots bool
	shared   []namedValue     // roots
	events   []value          // of notify
	stamps   map[string]stamp // versions of all files that were read
	secrets  map[string]secretFile

	keyCommand *keyCommand // nil where the key is none of a command
}

// Load reads a configuration file. If the file has faults, the error is Problems,
// which lists all of them at once; missing secrets are not faults here.
func Load(path string) (*Config, error) {
	c, err := load(path, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Examine reports everything that is wrong with a file: what Load rejects, and
// what Check finds in the accounts that are otherwise valid, such as missing
// secrets. Use it for a file that Load has rejected. Without faults, the Problems
// are empty. The error is non-nil only if the file cannot be read.
func Examine(path string) (Problems, error) {
	c, err := load(path, os.LookupEnv)
	var all Problems
	if err != nil && !errors.As(err, &all) {
		return nil, err
	}
	c.accounts = slices.DeleteFunc(c.accounts, func(a *account) bool { return a.broken })
	later, _ := c.Check()
	for _, one := range later {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, func(a, b Problem) int { return a.Line - b.Line })
	return all, nil
}

// Empty returns the configuration to use when no file was found in the searched
// places. It has no accounts, and everything else has its default.
func Empty(searched []string) *Config {
	return &Config{searched: searched}
}

// Files lists the configuration itself and the secret files that it refers to, as
// absolute paths.
func (c *Config) Files() []string {
	files := slices.Sorted(maps.Keys(c.secrets))
	if c.Path != "" {
		files = append(files, filepath.Join(c.dir, filepath.Base(c.Path)))
	}
	if key := c.dashboard(&findings{}).Key; key != "" {
		files = append(files, key)
	}
	return files
}

// String names the file and reveals nothing of its contents.
func (c *Config) String() string {
	return fmt.Sprintf("configuration %q with %d accounts", c.Path, len(c.accounts))
}

// GoString is String, so that no format verb shows more.
func (c *Config) GoString() string { return c.String() }

// AccountNames lists the accounts in the order of the file.
func (c *Config) AccountNames() []string {
	names := make([]string, 0, len(c.accounts))
	for _, a := range c.accounts {
		names = append(names, a.name)
	}
	return names
}

// Account returns an account with its secrets. The error is ErrUnknownAccount, or
// Problems that name the settings whose variable or file is missing.
func (c *Config) Account(name string) (spec.Account, error) {
	a, err := c.find(name)
	if err != nil {
		return spec.Account{}, err
	}
	account, found := c.assemble(a)
	if err := found.err(); err != nil {
		return spec.Account{}, err
	}
	return account, nil
}

// Profile returns an account without its secrets, for callers that need only its
// vendor, addresses and limits. It succeeds when credentials are missing, as on a
// host that plans and starts batches that other hosts send.
func (c *Config) Profile(name string) (spec.Account, error) {
	a, err := c.find(name)
	if err != nil {
		return spec.Account{}, err
	}
	account, found := c.assemble(a)
	if err := found.without(credential).err(); err != nil {
		return spec.Account{}, err
	}
	for _, setting := range a.spec.Settings {
		if setting.Secret {
			delete(account.Settings, setting.Name)
		}
	}
	return account, nil
}

// Check resolves everything at once. problems would stop an account or a store
// from working; advice is about values that the vendor probably rejects.
func (c *Config) Check() (problems, advice Problems) {
	for _, a := range c.accounts {
		account, found := c.assemble(a)
		problems = append(problems, found.all()...)
		if a.spec.Advise == nil || len(found.list) > 0 {
			continue
		}
		for _, text := range a.spec.Advise(account.Settings) {
			advice = append(advice, a.problem(c.Path, "accounts.%s: %s", a.name, text))
		}
	}
	problems = append(problems, c.checkRest().all()...)
	return problems, append(append(advice, c.unsigned()...), c.doubts()...)
}

func (c *Config) find(name string) (*account, error) {
	for _, a := range c.accounts {
		if a.name == name {
			return a, nil
		}
	}
	known := c.AccountNames()
	switch near := suggest.Nearest(name, known); {
	case near != "":
		return nil, fmt.Errorf("%w %q (did you mean %s?); use one of %s", ErrUnknownAccount, name, near, strings.Join(known, ", "))
	case len(known) > 0:
		return nil, fmt.Errorf("%w %q; use one of %s", ErrUnknownAccount, name, strings.Join(known, ", "))
	case c.Path != "":
		return nil, fmt.Errorf("%w %q: %s has no accounts", ErrUnknownAccount, name, c.Path)
	}
	where := ""
	if len(c.searched) > 0 {
		where = " (looked at " + strings.Join(c.searched, ", ") + ")"
	}
	return nil, fmt.Errorf("%w %q: no configuration was found%s; choose one with --config", ErrUnknownAccount, name, where)
}

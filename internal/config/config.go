// Package config reads mediaferry.yaml. It owns the file's keys, how values are
// taken from the environment and from secret files, what is wrong with any of it
// and where, and where the file, the data folder and the encryption key lie.
//
// A file is read once, with everything that it refers to, into a Config that
// never changes. A secret that is not there is no fault until something needs
// it: whoever lists uploads need not hold the credentials of a vendor. Package
// config opens no connection, logs nothing and prints no secret.
package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// ErrUnknownAccount means that the configuration has no account of a name.
var ErrUnknownAccount = errors.New("unknown account")

// Config is a configuration as it was when it was read. It is safe for
// concurrent use.
type Config struct {
	// Path is the file, as it was named; "" where there is none.
	Path string
	// Warnings are what is allowed and unwise: secrets written in plain.
	Warnings Problems

	dir      string   // of the file, absolute; relative paths count from it
	searched []string // where no file was found
	accounts []*account
	values   map[string]value // all scalars outside of accounts, by dotted name
	roots    []value
	hasRoots bool
	stamps   map[string]stamp // of all files that were read
}

// Load reads a file. What is wrong with it comes as Problems, all at once;
// missing secrets are not among it.
func Load(path string) (*Config, error) {
	c, err := load(path, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Examine reads a file for those who want to know at once all that is wrong with
// it: what Load refuses, and what Check would find in the accounts that are
// otherwise sound, such as secrets that are missing. It is for a file that Load
// refused; where nothing is wrong, there are no Problems. The error is that of a
// file that cannot be read.
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

// Empty is the configuration where no file was found at the places searched. It
// has no account, and everything else at its default.
func Empty(searched []string) *Config {
	return &Config{searched: searched}
}

// String names the file and nothing of what is in it.
func (c *Config) String() string {
	return fmt.Sprintf("configuration %q with %d accounts", c.Path, len(c.accounts))
}

// GoString is String, so that no way of printing shows more.
func (c *Config) GoString() string { return c.String() }

// AccountNames lists the accounts in the file's order.
func (c *Config) AccountNames() []string {
	names := make([]string, 0, len(c.accounts))
	for _, a := range c.accounts {
		names = append(names, a.name)
	}
	return names
}

// Account returns an account with its secrets. It fails with ErrUnknownAccount,
// or with Problems that say which settings lack which variable or file.
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

// Profile returns an account without its secrets, for what needs its vendor,
// addresses and limits only. It succeeds where credentials are missing, as on a
// host that plans and starts what others send.
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

// Check resolves everything, for those who want to know all at once: problems
// are what would stop an account or a store from being used, advice what their
// vendors would doubt.
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
	return problems, advice
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
		return nil, fmt.Errorf("%w %q (did you mean %s?), want one of %s", ErrUnknownAccount, name, near, strings.Join(known, ", "))
	case len(known) > 0:
		return nil, fmt.Errorf("%w %q, want one of %s", ErrUnknownAccount, name, strings.Join(known, ", "))
	case c.Path != "":
		return nil, fmt.Errorf("%w %q: %s has no accounts", ErrUnknownAccount, name, c.Path)
	}
	where := ""
	if len(c.searched) > 0 {
		where = " at " + strings.Join(c.searched, ", ")
	}
	return nil, fmt.Errorf("%w %q: no configuration was found%s, name one with --config", ErrUnknownAccount, name, where)
}

package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// account is an account with its vendor, or the reason why it cannot be used.
type account struct {
	spec.Account
	spec  *spec.Spec
	fault string // "" if the account can be used
}

// accounts looks up each account once in the catalog.
type accounts struct {
	catalog Catalog
	names   []string
	known   map[string]*account
}

func newAccounts(catalog Catalog) *accounts {
	return &accounts{catalog: catalog, names: catalog.AccountNames(), known: map[string]*account{}}
}

// find returns an account, or the problem with it.
func (a *accounts) find(name string) (*account, *Problem) {
	found, asked := a.known[name]
	if !asked {
		if !slices.Contains(a.names, name) {
			return nil, a.unknown(name) // not remembered, because there may be any number of such names
		}
		found = a.load(name)
		a.known[name] = found
	}
	if found.fault != "" {
		return nil, problem(SortAccount, columnTo, "account %s cannot be used: %s", shown(name), found.fault).hint("correct the configuration; `mediaferry doctor` lists all problems")
	}
	return found, nil
}

// keep returns the accounts for later readings, which see the same accounts even if
// the configuration has changed or is that of another host.
func (a *accounts) keep() []Account {
	kept := make([]Account, len(a.names))
	for i, name := range a.names {
		kept[i] = Account{Name: name}
		found, asked := a.known[name]
		switch {
		case !asked:
		case found.fault != "":
			kept[i].Fault = found.fault
		default:
			kept[i].Vendor, kept[i].Base = found.Vendor, found.BaseURL
			kept[i].On = settingsOn(found)
		}
	}
	return kept
}

// settingsOn returns the settings that are on and widen what the account accepts.
func settingsOn(a *account) []string {
	var on []string
	for _, r := range a.spec.Takes {
		if r.Setting != "" && a.On(r.Setting) {
			on = append(on, r.Setting)
		}
	}
	return on
}

// keptAccounts are the accounts of an earlier reading, as a Catalog.
type keptAccounts []Account

// AccountNames lists the accounts in the order of that reading.
func (k keptAccounts) AccountNames() []string {
	names := make([]string, len(k))
	for i, one := range k {
		names[i] = one.Name
	}
	return names
}

// Profile returns what is known of an account.
func (k keptAccounts) Profile(name string) (spec.Account, error) {
	for _, one := range k {
		if one.Name != name {
			continue
		}
		if one.Fault != "" {
			return spec.Account{}, errors.New(one.Fault)
		}
		settings := map[string]string{}
		for _, setting := range one.On {
			settings[setting] = "true"
		}
		return spec.Account{Name: name, Vendor: one.Vendor, BaseURL: one.Base, Settings: settings}, nil
	}
	return spec.Account{}, fmt.Errorf("account %q was unknown when the manifest was first read", name)
}

func (a *accounts) load(name string) *account {
	profile, err := a.catalog.Profile(name)
	if err != nil {
		return &account{fault: err.Error()}
	}
	vendor, err := vendors.Find(profile.Vendor)
	if err != nil {
		return &account{fault: err.Error()}
	}
	return &account{Account: profile, spec: vendor.Spec()}
}

func (a *accounts) unknown(name string) *Problem {
	p := problem(SortAccount, columnTo, "unknown account %s", shown(name))
	if near := suggest.Nearest(name, a.names); near != "" {
		return p.hint("did you mean %s?", near)
	}
	return p.hint("%s", a.choices())
}

func (a *accounts) missing() *Problem {
	return problem(SortAccount, columnTo, "the account is missing, and --to is not set").hint("%s", a.choices())
}

func (a *accounts) choices() string {
	const most = 20
	switch n := len(a.names); {
	case n == 0:
		return "the configuration has no accounts; add one under accounts:"
	case n > most:
		return fmt.Sprintf("use one of %s and %d more", strings.Join(a.names[:most], ", "), n-most)
	}
	return "use one of " + strings.Join(a.names, ", ")
}

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

// account is an account with its vendor, or why it cannot be used.
type account struct {
	spec.Account
	spec  *spec.Spec
	fault string // "" where it can be used
}

// accounts asks the catalog about each account once.
type accounts struct {
	catalog Catalog
	names   []string
	known   map[string]*account
}

func newAccounts(catalog Catalog) *accounts {
	return &accounts{catalog: catalog, names: catalog.AccountNames(), known: map[string]*account{}}
}

// find returns an account, or what is wrong with its name.
func (a *accounts) find(name string) (*account, *Problem) {
	found, asked := a.known[name]
	if !asked {
		if !slices.Contains(a.names, name) {
			return nil, a.unknown(name) // and not remembered: such names are without number
		}
		found = a.load(name)
		a.known[name] = found
	}
	if found.fault != "" {
		return nil, problem(SortAccount, columnTo, "account %s cannot be used: %s", shown(name), found.fault).hint("correct it in the configuration; mediaferry doctor names everything at once")
	}
	return found, nil
}

// keep is what is known of the accounts, for later readings: they see the same
// accounts, whatever has become of the configuration, and wherever they happen.
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

// settingsOn are the settings on which it depends what the account takes.
func settingsOn(a *account) []string {
	var on []string
	for _, r := range a.spec.Takes {
		if r.Setting != "" && a.On(r.Setting) {
			on = append(on, r.Setting)
		}
	}
	return on
}

// keptAccounts are the accounts of an earlier reading. They are a catalog.
type keptAccounts []Account

// AccountNames lists them in the order of that reading.
func (k keptAccounts) AccountNames() []string {
	names := make([]string, len(k))
	for i, one := range k {
		names[i] = one.Name
	}
	return names
}

// Profile gives what is known of one.
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
	p := problem(SortAccount, columnTo, "account %s is unknown", shown(name))
	if near := suggest.Nearest(name, a.names); near != "" {
		return p.hint("did you mean %s?", near)
	}
	return p.hint("%s", a.choices())
}

func (a *accounts) missing() *Problem {
	return problem(SortAccount, columnTo, "no account is named, and no --to is given").hint("%s", a.choices())
}

func (a *accounts) choices() string {
	const most = 20
	switch n := len(a.names); {
	case n == 0:
		return "the configuration has no account: add one under accounts"
	case n > most:
		return fmt.Sprintf("want one of %s and %d more", strings.Join(a.names[:most], ", "), n-most)
	}
	return "want one of " + strings.Join(a.names, ", ")
}

package config

import (
	"encoding/binary"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// account is an account as written in the file.
type account struct {
	name         string
	line, column int
	spec         *spec.Spec
	values       map[string]value // by key
	broken       bool             // one of its keys cannot be read
}

// accountName matches names that are safe in workflow IDs, in manifests and in
// shells.
var accountName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

const accountNameHint = "use up to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit"

func (r *reader) accounts(where string, node *yaml.Node) {
	pairs, _ := r.pairs(where, node, "use a mapping from account names to accounts")
	for _, p := range pairs {
		if !accountName.MatchString(p.key.Value) {
			r.problem(p.key, accountNameHint, "invalid account name %q", p.key.Value)
			continue
		}
		r.account(below(where, p.key.Value), p.key, p.value)
	}
}

func (r *reader) account(where string, key, node *yaml.Node) {
	pairs, ok := r.pairs(where, node, "use a mapping with a vendor and its credentials")
	if !ok {
		return
	}
	spec := r.vendor(where, key, pairs)
	if spec == nil {
		return // the valid keys depend on the vendor
	}
	a := &account{name: key.Value, line: key.Line, column: key.Column, spec: spec, values: map[string]value{}}
	entries := []entry{{"vendor", func(string, *yaml.Node) {}}} // already read
	for _, name := range AccountKeys(spec) {
		entries = append(entries, entry{name, func(where string, node *yaml.Node) {
			if v, ok := r.value(where, node); ok {
				a.values[name] = v
			}
		}})
	}
	before := len(r.problems)
	r.entries(where, pairs, entries)
	a.broken = len(r.problems) > before
	r.config.accounts = append(r.config.accounts, a)
}

// AccountKeys lists the keys of a vendor's accounts, except vendor.
func AccountKeys(spec *spec.Spec) []string {
	keys := []string{"base_url", "requests_per_second", "requests_per_minute", "requests_per_day", "max_bytes", "convert", "patience", "insecure"}
	if spec.LoginURL != "" {
		keys = slices.Insert(keys, 1, "login_url")
	}
	for _, setting := range spec.Settings {
		keys = append(keys, setting.Name)
	}
	return keys
}

func (r *reader) vendor(where string, key *yaml.Node, pairs []pair) *spec.Spec {
	for _, p := range pairs {
		if p.key.Value != "vendor" {
			continue
		}
		v, ok := r.value(where+".vendor", p.value)
		if !ok {
			break
		}
		vendor, err := vendors.Find(v.text)
		if err != nil || v.late { // the valid keys must not depend on the environment
			r.problem(p.value, suggest.Hint(v.text, vendors.Names()), "%s.vendor: unknown vendor %q", where, p.value.Value)
			return nil
		}
		return vendor.Spec()
	}
	r.problem(key, "use one of "+list(vendors.Names()), "%s.vendor is missing", where)
	return nil
}

// assemble builds an account, and collects its problems.
func (c *Config) assemble(a *account) (spec.Account, *findings) {
	f := &findings{file: c.Path}
	account := spec.Account{
		Name: a.name, Vendor: a.spec.Name, Own: a.limits(f),
		MaxBytes: f.size(a.values["max_bytes"]), Convert: f.boolean(a.values["convert"]), Patience: f.patience(a.values["patience"], c.patience(&findings{})),
	}
	account = a.spec.Limited(account, nil)
	c.addresses(a, &account, f)
	account.Settings = a.settings(f)
	a.credentials(c.Path, account.Settings, f)
	return account, f
}

// limits are how often the account may be used, by its own settings.
func (a *account) limits(f *findings) spec.OwnLimits {
	own := spec.OwnLimits{Rate: f.rate(a.values["requests_per_second"])}
	for _, window := range []struct {
		key    string
		length time.Duration
	}{{"requests_per_minute", time.Minute}, {"requests_per_day", 24 * time.Hour}} {
		if n := f.requests(a.values[window.key]); n > 0 {
			own.Quotas = append(own.Quotas, upload.Quota{Window: window.length, Limit: n})
		}
	}
	return own
}

// addresses sets the addresses of an account's vendor, and which networks may be
// reached for it.
func (c *Config) addresses(a *account, account *spec.Account, f *findings) {
	insecure := f.boolean(a.values["insecure"])
	account.Policy.Private = c.privateNetworks(&findings{}) || insecure
	set := func(key, fallback string) string {
		v := a.values[key]
		v.late = v.late || a.values["insecure"].late
		if v.text == "" && len(v.missing) == 0 {
			v.text = fallback
		}
		text, u := f.address(v, insecure, "use https:, or set insecure: true if others may read the traffic")
		if u != nil {
			account.Policy.Insecure = account.Policy.Insecure || u.Scheme == "http"
			account.Policy.Private = account.Policy.Private || egress.IsLoopback(u)
		}
		return text
	}
	account.BaseURL = set("base_url", a.spec.BaseURL)
	if a.spec.LoginURL == "" {
		return
	}
	account.LoginURL = set("login_url", a.spec.LoginURL)
	if base := a.values["base_url"]; !a.values["login_url"].given && account.BaseURL != a.spec.BaseURL && account.BaseURL != "" {
		f.add(base, fmt.Sprintf("set accounts.%s.login_url too", a.name),
			"is not %s's own address, so the login address is unknown", a.spec.Title)
	}
}

// settings returns the vendor's own settings, with their defaults. Missing
// credentials are reported by credentials.
func (a *account) settings(f *findings) map[string]string {
	settings := map[string]string{}
	for _, setting := range a.spec.Settings {
		v := a.values[setting.Name]
		if a.isCredential(setting.Name) {
			v.missing = nil
		}
		read := f.word
		if len(setting.Choices) > 0 {
			read = func(v value) string { return f.choice(v, setting.Choices) }
		}
		text := read(v)
		if text == "" {
			text = setting.Default
		}
		if text != "" {
			settings[setting.Name] = text
		}
	}
	return settings
}

func (a *account) isCredential(name string) bool {
	return slices.Contains(a.spec.CredentialNames(), name)
}

// credentials reports settings whose variable or file is missing. A vendor that
// accepts several sets of credentials needs only one of them, so gaps in the other
// sets are not reported.
func (a *account) credentials(file string, settings map[string]string, f *findings) {
	err := a.spec.CheckSettings(settings)
	if err == nil {
		return
	}
	lacks := &findings{file: file}
	hoped := maps.Clone(settings)
	for _, setting := range a.spec.Settings {
		if v := a.values[setting.Name]; a.isCredential(setting.Name) && len(v.missing) > 0 {
			lacks.text(v)
			hoped[setting.Name] = "?"
		}
	}
	if short := a.spec.CheckSettings(hoped); short != nil {
		err = short // which knows what the variables and files are for
	}
	if a.spec.CheckSettings(hoped) != nil || a.spec.HasAlternatives() {
		lacks.list = append(lacks.list, finding{Problem: a.problem(file, "accounts.%s: %v", a.name, err)})
	}
	for _, one := range lacks.list {
		one.late, one.kind = true, credential
		f.list = append(f.list, one)
	}
}

func (a *account) problem(file, format string, args ...any) Problem {
	return Problem{File: file, Line: a.line, Column: a.column, Message: fmt.Sprintf(format, args...)}
}

// Fingerprint identifies the credentials of an account to those who have the keys, and
// reveals nothing to others, who could otherwise try credentials until one fits. It
// does not change when other settings do.
func Fingerprint(keys codec.Keys, account spec.Account) string {
	var all []byte
	part := func(text string) {
		all = binary.BigEndian.AppendUint64(all, uint64(len(text)))
		all = append(all, text...)
	}
	part("mediaferry credentials 2")
	part(account.Vendor)
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return ""
	}
	for _, name := range vendor.Spec().CredentialNames() {
		part(name)
		part(account.Settings[name])
	}
	return keys.Digest(all)
}

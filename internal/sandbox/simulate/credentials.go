package simulate

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// CredentialState says how a vendor takes a set of credentials.
type CredentialState string

// The states. Revoked and expired ones are answered with 401, forbidden ones,
// whose account lacks a permission, with 403.
const (
	CredentialActive    CredentialState = "active"
	CredentialRevoked   CredentialState = "revoked"
	CredentialExpired   CredentialState = "expired"
	CredentialForbidden CredentialState = "forbidden"
)

// Credential is one set of credentials of one account at a vendor. Values are
// named as in the configuration.
type Credential struct {
	Vendor string            `json:"vendor"`
	Name   string            `json:"name"` // unique for the vendor; the first is "default"
	State  CredentialState   `json:"state"`
	Values map[string]string `json:"values"`
}

const kindCredential = "credential"

// CredentialBook is all sets of all vendors.
type CredentialBook struct {
	mu    sync.Mutex
	table *Table[Credential]
}

func loadCredentials(w *World, first []Credential) (*CredentialBook, error) {
	t, err := NewTable[Credential](w, kindCredential)
	if err != nil {
		return nil, err
	}
	if len(t.All()) == 0 {
		for _, c := range first {
			t.Put(c.Vendor+"/"+c.Name, c)
		}
	}
	return &CredentialBook{table: t}, nil
}

// Find returns the set of a vendor in which a value has a name.
func (c *CredentialBook) Find(vendor, name, value string) (Credential, bool) {
	if value == "" {
		return Credential{}, false
	}
	for _, set := range c.table.All() {
		if set.Vendor == vendor && set.Values[name] == value {
			return set, true
		}
	}
	return Credential{}, false
}

// Current returns the first set of a vendor that is good.
func (c *CredentialBook) Current(vendor string) Credential {
	var last Credential
	for _, set := range c.table.All() {
		if set.Vendor != vendor {
			continue
		}
		if set.State == CredentialActive {
			return set
		}
		last = set
	}
	return last
}

// Get returns the set of a vendor that has a name.
func (c *CredentialBook) Get(vendor, name string) (Credential, bool) {
	return c.table.Get(vendor + "/" + name)
}

// List gives all sets of all vendors, oldest first.
func (c *CredentialBook) List() []Credential { return c.table.All() }

// Add makes one more set good, or changes the one of that vendor and name.
func (c *CredentialBook) Add(set Credential) error {
	if set.Name == "" || len(set.Values) == 0 {
		return fmt.Errorf("a set of credentials for %s needs a name and values", set.Vendor)
	}
	if set.State == "" {
		set.State = CredentialActive
	}
	set.Values = maps.Clone(set.Values)
	c.table.Put(set.Vendor+"/"+set.Name, set)
	return nil
}

// Change changes the state of a set.
func (c *CredentialBook) Change(vendor, name string, state CredentialState) error {
	states := []CredentialState{CredentialActive, CredentialRevoked, CredentialExpired, CredentialForbidden}
	if !slices.Contains(states, state) {
		return fmt.Errorf("unknown state %q; choose from %v", state, states)
	}
	_, ok := c.table.Update(vendor+"/"+name, func(set *Credential) bool { set.State = state; return true })
	if !ok {
		return fmt.Errorf("%s has no set of credentials named %q", vendor, name)
	}
	return nil
}

// Rotate revokes all sets of a vendor that are good and makes a new one, with the
// names of values that the old one had.
func (c *CredentialBook) Rotate(vendor string, fresh map[string]func() string) Credential {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.Current(vendor)
	for _, set := range c.table.All() {
		if set.Vendor == vendor && set.State == CredentialActive {
			set.State = CredentialRevoked
			c.table.Put(vendor+"/"+set.Name, set)
		}
	}
	next := Credential{Vendor: vendor, Name: "rotated-" + RandomHex(4), State: CredentialActive, Values: map[string]string{}}
	for name := range old.Values {
		next.Values[name] = "sandbox-" + vendor + "-" + name + "-" + RandomHex(8)
		if f, ok := fresh[name]; ok {
			next.Values[name] = f()
		}
	}
	c.table.Put(vendor+"/"+next.Name, next)
	return next
}

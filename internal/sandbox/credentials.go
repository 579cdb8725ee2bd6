package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// firstCredentials are the sets that Config prints at first.
func firstCredentials(vendors []simulate.Vendor) []Credential {
	var first []Credential
	for _, v := range vendors {
		first = append(first, Credential{Vendor: v.Name(), Name: "default", State: CredentialActive, Values: v.Credentials().Values})
	}
	return first
}

// credentialHeaders are the headers by which any of the vendors, or a browser,
// would be told who is asking.
func credentialHeaders(vendors []simulate.Vendor) []string {
	names := []string{"Authorization", "Cookie", "Proxy-Authorization"}
	for _, v := range vendors {
		for _, name := range v.Credentials().Headers {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// vendor is one of the vendors by its name. The error lists them all.
func (s *Sandbox) vendor(name string) (simulate.Vendor, error) {
	var names []string
	for _, v := range s.vendors {
		if v.Name() == name {
			return v, nil
		}
		names = append(names, v.Name())
	}
	return nil, fmt.Errorf("unknown vendor %q; choose from %s", name, strings.Join(names, ", "))
}

// Credentials lists all sets of all vendors, oldest first.
func (s *Sandbox) Credentials() []Credential { return s.w.Credentials.List() }

// AddCredential makes one more set good, or changes the one of that vendor and
// name. An empty State means active.
func (s *Sandbox) AddCredential(c Credential) error {
	if _, err := s.vendor(c.Vendor); err != nil {
		return err
	}
	return s.w.Credentials.Add(c)
}

// SetCredential changes the state of a set: what was active can be revoked,
// expired or forbidden, and become active again.
func (s *Sandbox) SetCredential(vendor, name string, state CredentialState) error {
	return s.w.Credentials.Change(vendor, name, state)
}

// RotateCredential revokes all sets of a vendor that are good and makes a new one,
// which Config prints from then on.
func (s *Sandbox) RotateCredential(vendor string) (Credential, error) {
	v, err := s.vendor(vendor)
	if err != nil {
		return Credential{}, err
	}
	return s.w.Credentials.Rotate(vendor, v.Credentials().Fresh), nil
}

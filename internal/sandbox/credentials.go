package sandbox

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"strings"
	"sync"

	crand "crypto/rand"
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
// named as in the configuration: api_key, public_token, private_token,
// access_token, client_id, client_secret, refresh_token, token, api_id, password,
// secret, external_id.
type Credential struct {
	Vendor string            `json:"vendor"`
	Name   string            `json:"name"` // unique for the vendor; the first is "default"
	State  CredentialState   `json:"state"`
	Values map[string]string `json:"values"`
}

const kindCredential = "credential"

// defaultCredentials are the sets that Config prints at first.
func defaultCredentials() []Credential {
	make1 := func(vendor string, values map[string]string) Credential {
		return Credential{Vendor: vendor, Name: "default", State: CredentialActive, Values: values}
	}
	return []Credential{
		make1("trustana", map[string]string{"api_key": "sandbox-trustana-key"}),
		make1("trustoo", map[string]string{
			"public_token": "sandbox-trustoo-public", "private_token": "sandbox-trustoo-private",
			"access_token": "sandbox-trustoo-access", "client_id": "sandbox-trustoo-client",
			"client_secret": "sandbox-trustoo-client-secret", "refresh_token": "sandbox-trustoo-refresh",
		}),
		make1("sitoo", map[string]string{"token": "sandbox-sitoo-token", "api_id": "10020-140", "password": "sandbox-sitoo-password"}),
		make1("closient", map[string]string{
			"api_key": closientKey("SandboxSandboxSandboxSandbox0001"), "access_token": "sandbox-closient-access",
		}),
		make1("truvideo", map[string]string{
			"api_key": "sandbox-truvideo-key", "secret": "sandbox-truvideo-secret", "external_id": "sandbox-truvideo-tenant",
		}),
	}
}

// closientKey adds the prefix and the checksum that a business key has.
func closientKey(body string) string {
	return fmt.Sprintf("csb_%s_%08x", body, crc32.ChecksumIEEE([]byte(body)))
}

// credentialBook is all sets of all vendors.
type credentialBook struct {
	mu    sync.Mutex
	table *table[Credential]
}

func loadCredentials(j *journal, mem *memory) (*credentialBook, error) {
	t, err := newTable[Credential](j, mem, kindCredential)
	if err != nil {
		return nil, err
	}
	if len(t.all()) == 0 {
		for _, c := range defaultCredentials() {
			t.put(c.Vendor+"/"+c.Name, c)
		}
	}
	return &credentialBook{table: t}, nil
}

// find returns the set of a vendor in which a value has a name.
func (c *credentialBook) find(vendor, name, value string) (Credential, bool) {
	if value == "" {
		return Credential{}, false
	}
	for _, set := range c.table.all() {
		if set.Vendor == vendor && set.Values[name] == value {
			return set, true
		}
	}
	return Credential{}, false
}

// current returns the first set of a vendor that is good.
func (c *credentialBook) current(vendor string) Credential {
	var last Credential
	for _, set := range c.table.all() {
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

// Credentials lists all sets of all vendors, oldest first.
func (s *Sandbox) Credentials() []Credential { return s.creds.table.all() }

// AddCredential makes one more set good, or changes the one of that vendor and
// name. An empty State means active.
func (s *Sandbox) AddCredential(c Credential) error {
	if !contains(faultVendors()[:5], c.Vendor) {
		return fmt.Errorf("vendor %q is unknown; choose from %s", c.Vendor, strings.Join(faultVendors()[:5], ", "))
	}
	if c.Name == "" || len(c.Values) == 0 {
		return fmt.Errorf("a set of credentials for %s needs a name and values", c.Vendor)
	}
	if c.State == "" {
		c.State = CredentialActive
	}
	c.Values = maps.Clone(c.Values)
	s.creds.table.put(c.Vendor+"/"+c.Name, c)
	return nil
}

// SetCredential changes the state of a set: what was active can be revoked,
// expired or forbidden, and become active again.
func (s *Sandbox) SetCredential(vendor, name string, state CredentialState) error {
	states := []CredentialState{CredentialActive, CredentialRevoked, CredentialExpired, CredentialForbidden}
	known := false
	for _, st := range states {
		known = known || st == state
	}
	if !known {
		return fmt.Errorf("state %q is unknown; choose from %v", state, states)
	}
	_, ok := s.creds.table.update(vendor+"/"+name, func(c *Credential) bool { c.State = state; return true })
	if !ok {
		return fmt.Errorf("%s has no set of credentials named %q", vendor, name)
	}
	return nil
}

// RotateCredential revokes all sets of a vendor that are good and makes a new one,
// which Config prints from then on.
func (s *Sandbox) RotateCredential(vendor string) (Credential, error) {
	s.creds.mu.Lock()
	defer s.creds.mu.Unlock()
	old := s.creds.current(vendor)
	if old.Name == "" {
		return Credential{}, fmt.Errorf("vendor %q is unknown; choose from %s", vendor, strings.Join(faultVendors()[:5], ", "))
	}
	for _, set := range s.creds.table.all() {
		if set.Vendor == vendor && set.State == CredentialActive {
			set.State = CredentialRevoked
			s.creds.table.put(vendor+"/"+set.Name, set)
		}
	}
	fresh := Credential{Vendor: vendor, Name: "rotated-" + randomHex(4), State: CredentialActive, Values: map[string]string{}}
	for name := range old.Values {
		fresh.Values[name] = "sandbox-" + vendor + "-" + name + "-" + randomHex(8)
	}
	if vendor == "closient" {
		fresh.Values["api_key"] = closientKey(randomHex(16))
	}
	s.creds.table.put(vendor+"/"+fresh.Name, fresh)
	return fresh, nil
}

// identity is what makes a sandbox the same one after a restart.
type identity struct {
	ID        string `json:"id"`
	S3Access  string `json:"s3_access"`
	S3Secret  string `json:"s3_secret"`
	OSSAccess string `json:"oss_access"`
	OSSSecret string `json:"oss_secret"`
	TokenKey  string `json:"token_key"`  // signs JWTs
	LinkKey   string `json:"link_key"`   // signs download links
	NoticeKey string `json:"notice_key"` // RSA, DER in base64: signs OSS callbacks
}

const kindIdentity = "identity"

// noticeBits is short for a key, but the signature is over an MD5 anyway, and a
// longer one would cost every start.
const noticeBits = 1024

func loadIdentity(j *journal, mem *memory) (identity, error) {
	var id identity
	if raw, ok := mem.values[kindIdentity][kindIdentity]; ok {
		if err := json.Unmarshal(raw, &id); err != nil {
			return id, fmt.Errorf("read the identity: %w", err)
		}
		return id, nil
	}
	key, err := rsa.GenerateKey(crand.Reader, noticeBits)
	if err != nil {
		return id, fmt.Errorf("make a key for callbacks: %w", err)
	}
	id = identity{
		ID: randomHex(4), S3Access: "AKIASANDBOX" + strings.ToUpper(randomHex(5)), S3Secret: randomHex(20),
		OSSAccess: "LTAISANDBOX" + randomHex(6), OSSSecret: randomHex(15),
		TokenKey: randomHex(32), LinkKey: randomHex(32),
		NoticeKey: base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key)),
	}
	j.put(kindIdentity, kindIdentity, id)
	return id, nil
}

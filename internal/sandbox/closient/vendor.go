package closient

import (
	"context"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// vendorName is the vendor's name.
const vendorName = "closient"

// New is the vendor before anything has happened.
func New() *Vendor { return &Vendor{} }

// Name is the vendor's name.
func (t *Vendor) Name() string { return vendorName }

// Targets are the calls that fault rules can name.
func (t *Vendor) Targets() []simulate.Target {
	return []simulate.Target{{Call: "list", JSON: true}, {Call: "post", JSON: true, Body: true}, {Call: "delete"}, {Call: "image"}}
}

// Credentials are the first set, and where it is sent.
func (t *Vendor) Credentials() simulate.CredentialSpec {
	return simulate.CredentialSpec{
		Values: map[string]string{
			"api_key": keyOf("SandboxSandboxSandboxSandbox0001"), "access_token": "sandbox-closient-access",
		},
		Headers: []string{"X-Api-Key"},
		Fresh:   map[string]func() string{"api_key": func() string { return keyOf(simulate.RandomHex(16)) }},
	}
}

// keyOf adds the prefix and the checksum that a business key has.
func keyOf(body string) string {
	return fmt.Sprintf("csb_%s_%08x", body, crc32.ChecksumIEEE([]byte(body)))
}

// Account describes an account in a configuration file.
func (t *Vendor) Account(w *simulate.World, values map[string]string) simulate.Account {
	organizations := strings.Join(simulate.SettingsOf[Settings](w).Organizations, ", ")
	return simulate.Account{
		Lines: [][2]string{{"base_url", w.Base + "/closient/dashboard/api/v1"}, {"api_key", values["api_key"]}},
		Hint:  fmt.Sprintf("Closient's organization_id: %s, with any GTIN.", organizations),
	}
}

// Bucket is nil: the vendor takes the bytes itself.
func (t *Vendor) Bucket() *simulate.Bucket { return nil }

// Resume goes on with what the end of the last process interrupted.
func (t *Vendor) Resume() {}

// Puts shows the bodies that Put takes.
func (t *Vendor) Puts() []string {
	return []string{`{"vendor":"closient","organization_id":…,"gtin":…,"title":…,"is_primary":…,"body":base64}`}
}

// Put makes a fact that no client has caused.
func (t *Vendor) Put(_ context.Context, body []byte) (any, error) {
	var in struct {
		Vendor       string `json:"vendor"`
		Organization string `json:"organization_id"`
		GTIN         string `json:"gtin"`
		Title        string `json:"title"`
		Primary      bool   `json:"is_primary"`
		Body         []byte `json:"body"`
	}
	if err := simulate.ReadBody(body, &in); err != nil {
		return nil, err
	}
	id, err := t.PutImage(in.Organization, in.GTIN, in.Title, in.Primary, in.Body)
	return map[string]string{"id": id}, err
}

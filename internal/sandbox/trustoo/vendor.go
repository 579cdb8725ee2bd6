package trustoo

import (
	"context"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// vendorName is the vendor's name.
const vendorName = "trustoo"

// New is the vendor before anything has happened.
func New() *Vendor { return &Vendor{} }

// Name is the vendor's name.
func (t *Vendor) Name() string { return vendorName }

// Targets are the calls that fault rules can name.
func (t *Vendor) Targets() []simulate.Target {
	return []simulate.Target{
		{Call: "token", JSON: true, Grant: true},
		{Call: "disconnect", JSON: true},
		{Call: "policy", JSON: true, Grant: true},
		{Call: "post", Body: true, Grant: true, Own: map[string]simulate.FaultKind{
			"wrong-crc": {}, "duplicate-callback": {}, "callback-failed": {},
		}},
		{Call: "callback", JSON: true},
		{Call: "object"},
		{Call: "review", JSON: true},
		{Call: "video", JSON: true, Grant: true},
		{Call: "video-put", Body: true, Grant: true, Storage: true},
	}
}

// Credentials are the first set, and where it is sent.
func (t *Vendor) Credentials() simulate.CredentialSpec {
	return simulate.CredentialSpec{
		Values: map[string]string{
			"public_token": "sandbox-trustoo-public", "private_token": "sandbox-trustoo-private",
			"access_token": "sandbox-trustoo-access", "client_id": "sandbox-trustoo-client",
			"client_secret": "sandbox-trustoo-client-secret", "refresh_token": "sandbox-trustoo-refresh",
		},
		Headers: []string{"Public-Token", "Sign"},
	}
}

// Account describes an account in a configuration file.
func (t *Vendor) Account(w *simulate.World, values map[string]string) simulate.Account {
	return simulate.Account{
		Lines: [][2]string{
			{"base_url", w.Base + "/trustoo"}, {"public_token", values["public_token"]}, {"private_token", values["private_token"]},
		},
		Notes: []string{
			fmt.Sprintf("or access_token: %q", values["access_token"]),
			fmt.Sprintf("or client_id: %q, client_secret: %q, refresh_token: %q", values["client_id"], values["client_secret"], values["refresh_token"]),
		},
	}
}

// Bucket is nil: the images are in OSS.
func (t *Vendor) Bucket() *simulate.Bucket { return nil }

// Resume goes on with what the end of the last process interrupted.
func (t *Vendor) Resume() {}

// Puts shows the bodies that Put takes.
func (t *Vendor) Puts() []string { return nil }

// Put makes a fact that no client has caused.
func (t *Vendor) Put(context.Context, []byte) (any, error) { return nil, simulate.ErrNotPut }

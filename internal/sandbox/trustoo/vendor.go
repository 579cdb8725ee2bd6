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

func (t *Vendor) Name() string { return vendorName }

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

func (t *Vendor) Resume() {}

func (t *Vendor) Puts() []string { return nil }

func (t *Vendor) Put(context.Context, []byte) (any, error) { return nil, simulate.ErrNotPut }

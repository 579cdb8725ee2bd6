package trustana

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// vendorName is the vendor's name.
const vendorName = "trustana"

// New is the vendor before anything has happened.
func New() *Vendor { return &Vendor{} }

// Name is the vendor's name.
func (t *Vendor) Name() string { return vendorName }

// Targets are the calls that fault rules can name.
func (t *Vendor) Targets() []simulate.Target {
	return []simulate.Target{
		{Call: "prepare", JSON: true, Grant: true, Processed: true},
		{Call: "put", Body: true, Grant: true, Processed: true, Storage: true},
		{Call: "status", JSON: true, Processed: true, Own: map[string]simulate.FaultKind{"wrong-size": {}}},
		{Call: "search", JSON: true},
		{Call: "final"},
	}
}

// Credentials are the first set, and where it is sent.
func (t *Vendor) Credentials() simulate.CredentialSpec {
	return simulate.CredentialSpec{
		Values:  map[string]string{"api_key": "sandbox-trustana-key"},
		Headers: []string{"X-Api-Key"},
	}
}

// Account describes an account in a configuration file.
func (t *Vendor) Account(w *simulate.World, values map[string]string) simulate.Account {
	return simulate.Account{Lines: [][2]string{{"base_url", w.Base + "/trustana/v1"}, {"api_key", values["api_key"]}}}
}

// Bucket is the vendor's bucket in S3.
func (t *Vendor) Bucket() *simulate.Bucket {
	return &simulate.Bucket{
		Calls:   map[string]string{"PUT": "put"},
		Subject: func(c *simulate.Call) string { return t.subjectOf(c.Path["key"]) },
		Over:    t.grantOver,
		Check:   t.checkPut,
		Arrived: t.arrived,
	}
}

// Puts shows the bodies that Put takes.
func (t *Vendor) Puts() []string { return nil }

// Put makes a fact that no client has caused.
func (t *Vendor) Put(context.Context, []byte) (any, error) { return nil, simulate.ErrNotPut }

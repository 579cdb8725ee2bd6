package trustana

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// vendorName is the vendor's name.
const vendorName = "trustana"

// New is the vendor before anything has happened.
func New() *Vendor { return &Vendor{} }

func (t *Vendor) Name() string { return vendorName }

func (t *Vendor) Targets() []simulate.Target {
	return []simulate.Target{
		{Call: "prepare", JSON: true, Grant: true, Processed: true},
		{Call: "put", Body: true, Grant: true, Processed: true, Storage: true},
		{Call: "status", JSON: true, Processed: true, Own: map[string]simulate.FaultKind{"wrong-size": {}}},
		{Call: "final"},
	}
}

func (t *Vendor) Credentials() simulate.CredentialSpec {
	return simulate.CredentialSpec{
		Values:  map[string]string{"api_key": "sandbox-trustana-key"},
		Headers: []string{"X-Api-Key"},
	}
}

func (t *Vendor) Account(w *simulate.World, values map[string]string) simulate.Account {
	return simulate.Account{Lines: [][2]string{{"base_url", w.Base + "/trustana/v1"}, {"api_key", values["api_key"]}}}
}

func (t *Vendor) Bucket() *simulate.Bucket {
	return &simulate.Bucket{
		Calls:   map[string]string{"PUT": "put"},
		Subject: func(c *simulate.Call) string { return t.subjectOf(c.Path["key"]) },
		Over:    t.grantOver,
		Check:   t.checkPut,
		Arrived: t.arrived,
	}
}

func (t *Vendor) Puts() []string { return nil }

func (t *Vendor) Put(context.Context, []byte) (any, error) { return nil, simulate.ErrNotPut }

package truvideo

import (
	"context"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// vendorName is the vendor's name.
const vendorName = "truvideo"

// New is the vendor before anything has happened.
func New() *Vendor { return &Vendor{} }

// Name is the vendor's name.
func (t *Vendor) Name() string { return vendorName }

// Targets are the calls that fault rules can name.
func (t *Vendor) Targets() []simulate.Target {
	missing := map[string]simulate.FaultKind{"missing-url": {Params: map[string]simulate.Param{"missing-url": simulate.ParamCount}}}
	return []simulate.Target{
		{Call: "login", JSON: true, Grant: true},
		{Call: "start", JSON: true, Grant: true, Processed: true, Own: missing},
		{Call: "part", Body: true, Grant: true, Processed: true, Storage: true},
		{Call: "parts", JSON: true, Grant: true, Own: missing},
		{Call: "status", JSON: true, Processed: true},
		{Call: "complete", JSON: true, Processed: true},
		{Call: "file", Storage: true},
	}
}

// Credentials are the first set, and where it is sent.
func (t *Vendor) Credentials() simulate.CredentialSpec {
	return simulate.CredentialSpec{
		Values: map[string]string{
			"api_key": "sandbox-truvideo-key", "secret": "sandbox-truvideo-secret", "external_id": "sandbox-truvideo-tenant",
		},
		Headers: []string{"X-Authentication-Api-Key", "X-Authentication-Signature", "X-Multitenant-External-Id"},
	}
}

// Account describes an account in a configuration file.
func (t *Vendor) Account(w *simulate.World, values map[string]string) simulate.Account {
	return simulate.Account{Lines: [][2]string{
		{"base_url", w.Base + "/truvideo"},
		{"login_url", w.Base + "/truvideo-login"},
		{"api_key", values["api_key"]},
		{"secret", values["secret"]},
		{"external_id", values["external_id"]},
	}}
}

// Bucket is the vendor's bucket in S3.
func (t *Vendor) Bucket() *simulate.Bucket {
	return &simulate.Bucket{
		Calls:     map[string]string{"PUT": "part", "GET": "file", "HEAD": "file"},
		MostParts: maxParts,
		Subject:   func(c *simulate.Call) string { return t.subjectOf(c.Path["key"]) },
		Over:      t.grantOver,
		Check:     t.checkPart,
		Arrived:   t.arrived,
		Public:    t.public,
	}
}

// Puts shows the bodies that Put takes.
func (t *Vendor) Puts() []string { return []string{`{"vendor":"truvideo","abort":uploadId}`} }

// Put makes a fact that no client has caused.
func (t *Vendor) Put(_ context.Context, body []byte) (any, error) {
	var in struct {
		Vendor string `json:"vendor"`
		Abort  string `json:"abort"`
	}
	if err := simulate.ReadBody(body, &in); err != nil {
		return nil, err
	}
	if in.Abort == "" {
		return nil, simulate.ErrNotPut
	}
	return simulate.Done(), t.Abort(in.Abort)
}

// Abort throws the parts of an upload away in storage, as a cleaning rule of its
// bucket would: further parts are NoSuchUpload.
func (t *Vendor) Abort(uploadID string) error {
	u, ok := t.table.Get(uploadID)
	if !ok {
		return fmt.Errorf("TruVideo has no upload %q", uploadID)
	}
	for _, p := range t.partsOf(u) {
		t.parts.Remove(partKey(uploadID, p.Number))
	}
	return t.w.Store.Abort(t.w.Life, vendorName, u.Key, u.S3UploadID)
}

// ForgetPart makes the vendor list a part of an upload no more, as if it had never
// come; it reports whether there was one.
func (t *Vendor) ForgetPart(uploadID string, number int) bool {
	id := partKey(uploadID, number)
	_, known := t.parts.Get(id)
	t.parts.Remove(id)
	return known
}

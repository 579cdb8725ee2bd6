package sitoo

import (
	"context"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// vendorName is the vendor's name.
const vendorName = "sitoo"

// New is the vendor before anything has happened.
func New() *Vendor { return &Vendor{} }

// Name is the vendor's name.
func (t *Vendor) Name() string { return vendorName }

// Targets are the calls that fault rules can name.
func (t *Vendor) Targets() []simulate.Target {
	return []simulate.Target{
		{Call: "upload-url", JSON: true, Grant: true, Processed: true},
		{Call: "post", Body: true, Grant: true, Processed: true, Storage: true},
		{Call: "get", JSON: true, Processed: true},
		{Call: "search", JSON: true},
		{Call: "download"},
		{Call: "thumbnail"},
	}
}

// Credentials are the first set, and where it is sent.
func (t *Vendor) Credentials() simulate.CredentialSpec {
	return simulate.CredentialSpec{Values: map[string]string{"token": "sandbox-sitoo-token", "api_id": "10020-140", "password": "sandbox-sitoo-password"}}
}

// Account describes an account in a configuration file.
func (t *Vendor) Account(w *simulate.World, values map[string]string) simulate.Account {
	return simulate.Account{
		Lines: [][2]string{{"base_url", w.Base + "/sitoo"}, {"token", values["token"]}},
		Notes: []string{fmt.Sprintf("or auth: basic, api_id: %q, password: %q", values["api_id"], values["password"])},
	}
}

// Bucket is the vendor's bucket in S3.
func (t *Vendor) Bucket() *simulate.Bucket {
	return &simulate.Bucket{
		Calls: map[string]string{"POST": "post"}, Form: true,
		Subject: t.formSubject, Over: t.grantOver, Check: t.checkPost, Arrived: t.arrived,
	}
}

// Puts shows the bodies that Put takes.
func (t *Vendor) Puts() []string { return []string{`{"vendor":"sitoo","lose":file_id}`} }

// Put makes a fact that no client has caused.
func (t *Vendor) Put(_ context.Context, body []byte) (any, error) {
	var in struct {
		Vendor string `json:"vendor"`
		Lose   string `json:"lose"`
	}
	if err := simulate.ReadBody(body, &in); err != nil {
		return nil, err
	}
	if in.Lose == "" {
		return nil, simulate.ErrNotPut
	}
	if !t.Lose(in.Lose) {
		return nil, fmt.Errorf("sitoo has no file %q", in.Lose)
	}
	return simulate.Done(), nil
}

// Lose makes a file unknown, as if it had been cleaned away; it reports whether
// there was one.
func (t *Vendor) Lose(fileID string) bool {
	_, ok := t.table.Update(fileID, func(f *mediaFile) bool { f.Lost = true; return true })
	return ok
}

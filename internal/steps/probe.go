package steps

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// Probed is what a harmless call said about an account's credentials.
type Probed struct {
	Call string // as the vendor's documentation names it; "" if the vendor has none
	// Lacks are the fields without which the call cannot be made.
	Lacks []string
	By    string        // who answered, by the host and by what the answer says of itself
	Took  time.Duration // from the request to the end of the answer
	Err   error         // nil: the vendor accepts the credentials
}

// Made reports whether a call was made, or at least begun.
func (p Probed) Made() bool { return p.Call != "" && len(p.Lacks) == 0 }

// Probe checks the credentials of an account with a call that changes nothing at the
// vendor. It takes a permit, and uses and renews the tokens that the fleet shares, as
// any call does. A paused account is checked, too: that is how one sees whether new
// credentials are good.
func (s *Steps) Probe(ctx context.Context, name string, fields upload.Fields) Probed {
	account, err := s.Accounts.Account(name)
	if err != nil {
		return Probed{Err: err}
	}
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return Probed{Err: err}
	}
	prober, can := vendor.(vendors.Prober)
	spec := vendor.Spec()
	if !can || spec.Probe == nil {
		return Probed{}
	}
	probed := Probed{Call: spec.Probe.Call.Request(), Lacks: slices.DeleteFunc(slices.Clone(spec.Probe.Fields), func(field string) bool {
		return fields.String(field) != ""
	})}
	if len(probed.Lacks) > 0 {
		return probed
	}
	answer, err := prober.Probe(ctx, s.callerOf(vendor, account), fields)
	probed.Err = err
	if answer.Status == 0 {
		return probed
	}
	probed.Took = s.Now().Sub(answer.Asked)
	base := account.BaseURL
	if spec.Probe.Call.Login && account.LoginURL != "" {
		base = account.LoginURL
	}
	if at, err := url.Parse(base); err == nil {
		probed.By = at.Host + " (" + egress.Speaker(answer.Header) + ")"
	}
	return probed
}

package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// unchecked is the outcome where no call was made.
const unchecked = "unchecked"

// liveTime is for a vendor to answer a harmless call, with its turn among other calls.
const liveTime = 30 * time.Second

// live is what --live found out about an account, for programs.
type live struct {
	Account string `json:"account"`
	Vendor  string `json:"vendor"`
	// Outcome is ok, unchecked, or the kind of the failure: denied, unavailable, …
	Outcome    string `json:"outcome"`
	Call       string `json:"call,omitempty"`
	AnsweredBy string `json:"answered_by,omitempty"`
	Millis     int64  `json:"milliseconds"`
	HTTPStatus int    `json:"http_status,omitempty"`
}

// live checks the credentials of each account at its vendor.
func (d *doctor) live(ctx context.Context, set []string) error {
	given, err := d.probeFields(set)
	if err != nil {
		return err
	}
	if d.Ledger == nil || d.Locked != nil {
		d.say("live", problem, "no vendor was called, because the ledger cannot be used: it has the limits and tokens that all calls share", "")
		return nil
	}
	all, closing := wiring.Probes(d.Live, d.Keys, d.Ledger, d.Log)
	defer closing()
	for _, name := range d.Config.AccountNames() {
		account, err := d.Config.Account(name)
		if err != nil { // what is missing has been told
			account, _ = d.Config.Profile(name)
			f := finding{Check: "live " + name, State: doubt, Detail: "not checked, because the account is incomplete"}
			f.Live = &live{Account: name, Vendor: account.Vendor, Outcome: unchecked}
			d.tell(f)
			continue
		}
		calling, cancel := context.WithTimeout(ctx, liveTime)
		probed := all.Probe(calling, name, given[account.Vendor])
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.tell(liveFinding(account, probed))
	}
	return nil
}

// probeFields are the fields of --set that each vendor's call needs. One that no call
// needs is refused.
func (d *doctor) probeFields(set []string) (map[string]upload.Fields, error) {
	all := map[string]upload.Fields{}
	var known []string
	for _, v := range vendors.All() {
		s := v.Spec()
		if s.Probe == nil || len(s.Probe.Fields) == 0 {
			continue
		}
		known = append(known, s.Probe.Fields...)
		own := slices.DeleteFunc(slices.Clone(set), func(pair string) bool {
			name, _, found := strings.Cut(pair, "=")
			return found && !slices.Contains(s.Probe.Fields, name)
		})
		if len(own) == 0 {
			continue
		}
		fields, err := setFields(s, own)
		if err != nil {
			return nil, err
		}
		all[s.Name] = fields
	}
	for _, pair := range set {
		if name, _, _ := strings.Cut(pair, "="); !slices.Contains(known, name) {
			return nil, exit.Misused("--set %s: no call of --live needs it; use %s", name, strings.Join(known, ", "))
		}
	}
	return all, nil
}

// liveFinding says what a harmless call came to.
func liveFinding(account spec.Account, probed steps.Probed) finding {
	f := finding{Check: "live " + account.Name, State: fine, Live: &live{
		Account: account.Name, Vendor: account.Vendor, Outcome: "ok",
		Call: probed.Call, AnsweredBy: probed.By, Millis: probed.Took.Milliseconds(),
	}}
	answered := fmt.Sprintf("%s, answered in %d ms by %s", probed.Call, probed.Took.Milliseconds(), probed.By)
	switch {
	case probed.Err != nil:
		f.failed(account, upload.AsError(probed.Err, ""), answered)
	case probed.Call == "":
		f.State, f.Live.Outcome = doubt, unchecked
		f.Detail, f.Hint = "not checked: the vendor documents no call that changes nothing", "send one small file, and look at it there"
	case len(probed.Lacks) > 0:
		f.State, f.Live.Outcome = doubt, unchecked
		f.Detail = fmt.Sprintf("not checked: %s needs %s", probed.Call, strings.Join(probed.Lacks, " and "))
		f.Hint = "name one of yours: mediaferry doctor --live"
		for _, field := range probed.Lacks {
			f.Hint += " --set " + field + "=…"
		}
	default:
		f.Detail = "credentials accepted (" + answered + ")"
	}
	return f
}

// failed words the failure of a harmless call.
func (f *finding) failed(account spec.Account, e *upload.Error, answered string) {
	f.State, f.Hint = problem, e.Hint
	f.Live.Outcome, f.Live.HTTPStatus = string(e.Kind), e.Status
	word := string(e.Kind)
	switch {
	case e.Denies():
		word = "denied"
		f.Hint = "check the credentials of account " + account.Name + "; where they come from: mediaferry vendors " + account.Vendor
	case e.MayPass():
		word = "out of order, or not reached"
		f.Hint = "check base_url, the network and the proxy settings (HTTPS_PROXY); if they are right, try again later"
	}
	f.Detail = word + ": " + e.Message
	if f.Live.AnsweredBy != "" {
		f.Detail += " (" + answered + ")"
	}
}

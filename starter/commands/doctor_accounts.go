package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

// reach asks each account's vendor for its clock.
func (d *doctor) reach(ctx context.Context) {
	door := egress.New()
	defer door.CloseIdle()
	for _, name := range d.Config.AccountNames() {
		account, err := d.Config.Profile(name)
		if err != nil {
			continue // reported already
		}
		d.ask(ctx, door, account)
	}
	if d.clocks > 0 && d.skew <= mostSkew {
		d.say("clock", fine, fmt.Sprintf("this host's clock is within %s of the vendors' clocks", max(d.skew.Round(time.Second), leastSkew)), "")
	}
}

func (d *doctor) ask(ctx context.Context, door *egress.Egress, account spec.Account) {
	check := "account " + account.Name
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	base, err := url.Parse(account.BaseURL)
	if err != nil {
		d.say(check, problem, "base_url is not a URL", "")
		return
	}
	root := base.Scheme + "://" + base.Host + "/"
	head, err := http.NewRequestWithContext(ctx, http.MethodHead, root, nil)
	if err != nil {
		d.say(check, problem, egress.Cause(err), "")
		return
	}
	answer, err := door.Control(account.Policy).Do(head)
	if err != nil {
		d.say(check, problem, root+": "+egress.Cause(err), "check base_url, the network and the proxy settings (HTTPS_PROXY)")
		return
	}
	_ = answer.Body.Close() // a HEAD has none
	skew := egress.Skew(answer.Header, time.Now())
	if answer.Header.Get("Date") != "" {
		d.clocks, d.skew = d.clocks+1, max(d.skew, skew.Abs())
	}
	if skew.Abs() > mostSkew {
		d.say(check, doubt, fmt.Sprintf("the vendor's clock differs from this host's by %s", skew.Round(time.Second)), "correct this host's clock: signatures and expiry times depend on it")
		return
	}
	d.say(check, fine, base.Host+" answers", "")
}

// ledgerState checks the ledger, paused accounts and workers.
func (d *doctor) ledgerState(ctx context.Context) {
	if err := d.OpenResults(ctx); err != nil {
		hint := ""
		if lack := (*exit.UsageError)(nil); errors.As(err, &lack) {
			hint = lack.Hint
		}
		d.say("ledger", problem, err.Error(), hint)
		return
	}
	if err := d.Ledger.Health(ctx); err != nil {
		d.say("ledger", problem, err.Error(), "")
		return
	}
	d.keys(ctx)
	states, err := d.Ledger.Accounts(ctx)
	if err != nil {
		d.say("accounts", problem, err.Error(), "")
		return
	}
	for _, s := range states {
		if s.Paused {
			d.say("account "+s.Name, doubt, "paused by "+s.By+": "+s.Because, "to resume it: mediaferry account resume "+s.Name)
		} else if w := waits.Account(s); w != nil {
			d.say("account "+s.Name, doubt, string(waits.StateOf(s))+": waiting for "+output.WaitWords(*w, time.Now()), "to try again at once: mediaferry account resume "+s.Name)
		}
	}
	d.notifications(ctx)
	d.workerFleet(ctx)
}

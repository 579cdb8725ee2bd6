package views

import (
	"context"
	"fmt"
	"math"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/output"
)

// Account is an account as `account list --json` prints it; the names are stable.
type Account struct {
	Account string      `json:"account"`
	Vendor  string      `json:"vendor"`
	BaseURL string      `json:"base_url"`
	State   waits.State `json:"state"`
	// PausedBecause is why the account is paused or denied; null where it is not.
	PausedBecause upload.Text `json:"paused_because"`
	Waiting       *waits.Wait `json:"waiting"`
	// RequestsPerSecond is the pace that is kept; null where there is none.
	RequestsPerSecond *float64 `json:"requests_per_second"`
	Quota             []Quota  `json:"quota"`
	// LastOK is when the vendor last did as it was asked, to the minute; null where that
	// is not known.
	LastOK upload.Moment `json:"last_ok_at"`
}

// Quota is how much is left of a window in which an account's requests are counted.
type Quota struct {
	WindowSeconds int64         `json:"window_seconds"`
	Limit         int64         `json:"limit"`
	Left          int64         `json:"left"`
	ResetsAt      upload.Moment `json:"resets_at"` // null where nothing is counted yet
}

// AccountLine is what is shown of an account that is configured.
func (w *Waits) AccountLine(ctx context.Context, c *config.Config, name string) (Account, error) {
	account, err := c.Profile(name)
	if err != nil {
		return Account{}, err
	}
	state := w.Account(name)
	line := Account{
		Account: name, Vendor: account.Vendor, BaseURL: account.BaseURL, State: waits.StateOf(state),
		Waiting: waits.Account(state), LastOK: upload.Moment{Time: state.LastOK},
	}
	if state.Paused {
		line.PausedBecause = upload.Text(state.Because)
	}
	return line, w.limits(ctx, account, &line)
}

// limits adds an account's limits as they are in force: what the vendor told last
// counts, whichever credentials it told it to.
func (w *Waits) limits(ctx context.Context, account spec.Account, line *Account) error {
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return err
	}
	said, err := w.ledger.Quotas(ctx, account.Name)
	if err != nil {
		return err
	}
	account = vendor.Spec().Limited(account, said.Told)
	if account.Rate > 0 {
		rate := math.Round(account.Rate*1000) / 1000
		line.RequestsPerSecond = &rate
	}
	line.Quota = []Quota{}
	for _, q := range account.Quotas {
		used, resets, err := w.ledger.Counted(ctx, ledger.RequestsIn(account.Name, q))
		if err != nil {
			return err
		}
		left := max(0, q.Limit-used)
		line.Quota = append(line.Quota, Quota{int64(q.Window.Seconds()), q.Limit, left, upload.Moment{Time: resets}})
		if left == 0 && line.Waiting == nil {
			line.State, line.Waiting = waits.StateThrottled, waits.Quota(account.Name, q, resets)
		}
	}
	return nil
}

// Limits are an account's limits in words.
func (a Account) Limits() []string {
	var words []string
	if a.RequestsPerSecond != nil {
		words = append(words, fmt.Sprintf("%g requests per second", *a.RequestsPerSecond))
	}
	for _, q := range a.Quota {
		words = append(words, fmt.Sprintf("%d in %s, %d left", q.Limit, output.TimeLeft(float64(q.WindowSeconds)), q.Left))
	}
	return words
}

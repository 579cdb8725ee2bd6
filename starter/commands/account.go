package commands

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

type accountCommand struct{ *given }

func (c accountCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "add, list, pause and resume accounts",
		Long: `mediaferry pauses an account when the vendor refuses its credentials (401, 403). Its items
wait, and nothing is lost. Put new credentials into the configuration, which needs no
restart, and run "mediaferry account resume NAME" to continue.`,
		Example: `  mediaferry account add trustana
  mediaferry account list
  mediaferry account pause sitoo --because "catalogue freeze until Monday"
  mediaferry account resume sitoo`,
		Args: noCommand,
		RunE: func(*cobra.Command, []string) error {
			return exit.Misused("account needs a subcommand: add NAME, list, pause NAME or resume NAME")
		},
	}
	cmd.AddCommand(c.add(), c.list(), c.pause(), c.resume())
	return cmd
}

func (c accountCommand) list() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list accounts and show which of them wait, and for what",
		Long: `list prints the configured accounts with their states: active, paused (by a person), denied (by
the vendor), unavailable (the vendor, its login or its store does not answer) or throttled (the
vendor asked for a pause, or a quota is used up). If an account waits, list shows why, since when,
and when the next attempt is made. It needs no running worker or engine.`,
		Example: "  mediaferry account list",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.Shown(c.accounts(cmd.Context(), asJSON)) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

func (c accountCommand) pause() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "pause NAME --because TEXT",
		Short: "pause an account",
		Long: `pause makes an account's items wait: mediaferry makes no calls for the account until you
resume it. Bytes that are already on their way to a store may still arrive.`,
		Example: `  mediaferry account pause sitoo --because "catalogue freeze until Monday"`,
		Args:    oneAccount,
		RunE: func(cmd *cobra.Command, args []string) error {
			if because == "" {
				return exit.Misused("--because is missing; give the reason so that others know why")
			}
			return c.switchAccount(cmd.Context(), args[0], because)
		},
		ValidArgsFunction: c.completeAccounts,
	}
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	return cmd
}

func (c accountCommand) resume() *cobra.Command {
	return &cobra.Command{
		Use:   "resume NAME",
		Short: "resume an account that is paused or waits",
		Long: `resume continues the items of a paused account with the credentials that are now in the
configuration. It also ends a wait that the vendor asked for (429, Retry-After), and makes the next
attempt during an outage at once. If a command was interrupted, run it again to continue its items.`,
		Example:           "  mediaferry account resume sitoo",
		Args:              oneAccount,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.switchAccount(cmd.Context(), args[0], "") },
		ValidArgsFunction: c.completeAccounts,
	}
}

// accountLine is an account as `account list --json` prints it.
type accountLine struct {
	Account string      `json:"account"`
	Vendor  string      `json:"vendor"`
	BaseURL string      `json:"base_url"`
	State   waits.State `json:"state"`
	// PausedBecause is why the account is paused or denied; null where it is not.
	PausedBecause upload.Text `json:"paused_because"`
	Waiting       *waits.Wait `json:"waiting"`
	// RequestsPerSecond is the pace that is kept; null where there is none.
	RequestsPerSecond *float64    `json:"requests_per_second"`
	Quota             []quotaLine `json:"quota"`
	// LastOK is when the vendor last did as it was asked, to the minute; null where that
	// is not known.
	LastOK upload.Moment `json:"last_ok_at"`
}

// quotaLine is how much is left of a window in which an account's requests are counted.
type quotaLine struct {
	WindowSeconds int64         `json:"window_seconds"`
	Limit         int64         `json:"limit"`
	Left          int64         `json:"left"`
	ResetsAt      upload.Moment `json:"resets_at"` // null where nothing is counted yet
}

func (c accountCommand) accounts(ctx context.Context, asJSON bool) error {
	if err := c.OpenResults(ctx); err != nil {
		return err
	}
	p := c.Printer(asJSON)
	rows := [][]string{{"ACCOUNT", "VENDOR", "STATE", "BASE URL", "LIMITS"}}
	for _, name := range c.Config.AccountNames() {
		account, err := c.Config.Profile(name)
		if err != nil {
			return err
		}
		state, err := c.Ledger.Account(ctx, name)
		if err != nil {
			return err
		}
		line := accountLine{
			Account: name, Vendor: account.Vendor, BaseURL: account.BaseURL, State: waits.StateOf(state),
			Waiting: waits.Account(state), LastOK: upload.Moment{Time: state.LastOK},
		}
		if state.Paused {
			line.PausedBecause = upload.Text(state.Because)
		}
		if err := c.limits(ctx, account, &line); err != nil {
			return err
		}
		words := accountWords(line.State, line.Waiting, state, time.Now())
		if asJSON {
			if err := p.Object(line); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{name, account.Vendor, words, account.BaseURL, line.limits()})
	}
	if asJSON {
		return nil
	}
	if len(rows) == 1 {
		c.Say("no accounts are configured")
		return nil
	}
	return p.Table(rows)
}

// limits adds an account's limits as they are in force: what the vendor told last
// counts, whichever credentials it told it to.
func (c accountCommand) limits(ctx context.Context, account spec.Account, line *accountLine) error {
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return err
	}
	said, err := c.Ledger.Quotas(ctx, account.Name)
	if err != nil {
		return err
	}
	account = vendor.Spec().Limited(account, said.Told)
	if account.Rate > 0 {
		rate := math.Round(account.Rate*1000) / 1000
		line.RequestsPerSecond = &rate
	}
	line.Quota = []quotaLine{}
	for _, q := range account.Quotas {
		used, resets, err := c.Ledger.Counted(ctx, ledger.RequestsIn(account.Name, q))
		if err != nil {
			return err
		}
		left := max(0, q.Limit-used)
		line.Quota = append(line.Quota, quotaLine{int64(q.Window.Seconds()), q.Limit, left, upload.Moment{Time: resets}})
		if left == 0 && line.Waiting == nil {
			line.State, line.Waiting = waits.StateThrottled, waits.Quota(account.Name, q, resets)
		}
	}
	return nil
}

// accountWords is what an account waits for, in words, and since when.
func accountWords(state waits.State, w *waits.Wait, s ledger.AccountState, now time.Time) string {
	switch {
	case s.Paused:
		return string(state) + " " + output.Ago(s.Since, now) + " by " + s.By + ": " + s.Because
	case w == nil:
		return string(state)
	}
	return string(state) + ": waiting for " + output.WaitWords(*w, now)
}

// limits are an account's limits in words.
func (l accountLine) limits() string {
	var words []string
	if l.RequestsPerSecond != nil {
		words = append(words, fmt.Sprintf("%g requests per second", *l.RequestsPerSecond))
	}
	for _, q := range l.Quota {
		words = append(words, fmt.Sprintf("%d in %s, %d left", q.Limit, output.TimeLeft(float64(q.WindowSeconds)), q.Left))
	}
	return output.OrDash(strings.Join(words, "; "))
}

// switchAccount pauses an account for a reason, or without one resumes it.
func (c accountCommand) switchAccount(ctx context.Context, name, because string) error {
	if err := c.OpenLedger(ctx); err != nil {
		return err
	}
	if _, err := c.Config.Profile(name); err != nil {
		return err
	}
	if because != "" {
		changed, err := c.Ledger.PauseAccount(ctx, name, because, opening.User())
		switch {
		case err != nil:
			return err
		case changed:
			c.Say("account %s is paused; its items wait until you resume it", name)
		default:
			c.Say("account %s is already paused", name)
		}
		return nil
	}
	return c.resumed(ctx, name)
}

// resumed resumes an account, lifts what keeps it from being called for a while, and
// says what it lifted.
func (c accountCommand) resumed(ctx context.Context, name string) error {
	before, err := c.Ledger.Account(ctx, name)
	if err != nil {
		return err
	}
	changed, err := c.Ledger.ResumeAccount(ctx, name, opening.User())
	if err != nil {
		return err
	}
	lifted, err := c.Ledger.Hurry(ctx, name)
	if err != nil {
		return err
	}
	if changed {
		c.Say("account %s is resumed", name)
	}
	before.Paused = false
	switch w := waits.Account(before); {
	case lifted && w != nil && !w.Until.IsZero():
		c.Say("account %s no longer waits until %s: %s", name, w.Until.Local().Format(time.DateTime), w.Reason)
	case lifted && w != nil:
		c.Say("account %s makes its next attempt now; the last one failed: %s", name, w.Reason)
	case !changed:
		c.Say("account %s was not paused", name)
	}
	return nil
}

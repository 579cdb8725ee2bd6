package commands

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
	"github.com/mediaferry/mediaferry/starter/views"
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
		ValidArgsFunction: first(c.completeAccounts),
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
		ValidArgsFunction: first(c.completeAccounts),
	}
}

func (c accountCommand) accounts(ctx context.Context, asJSON bool) error {
	if err := c.OpenResults(ctx); err != nil {
		return err
	}
	known, err := views.ReadWaits(ctx, c.Ledger)
	if err != nil {
		return err
	}
	p := c.Printer(asJSON)
	rows := [][]string{{"ACCOUNT", "VENDOR", "STATE", "BASE URL", "LIMITS"}}
	for _, name := range c.Config.AccountNames() {
		line, err := known.AccountLine(ctx, c.Config, name)
		if err != nil {
			return err
		}
		if asJSON {
			if err := p.Object(line); err != nil {
				return err
			}
			continue
		}
		words := accountWords(line.State, line.Waiting, known.Account(name), time.Now())
		rows = append(rows, []string{name, line.Vendor, words, line.BaseURL, output.OrDash(strings.Join(line.Limits(), "; "))})
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

// switchAccount pauses an account for a reason, or without one resumes it.
func (c accountCommand) switchAccount(ctx context.Context, name, because string) error {
	if err := c.OpenLedger(ctx); err != nil {
		return err
	}
	if _, err := c.Config.Profile(name); err != nil {
		return err
	}
	if because != "" {
		changed, err := c.Ledger.PauseAccount(ctx, name, because, c.Who())
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
	changed, err := c.Ledger.ResumeAccount(ctx, name, c.Who())
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

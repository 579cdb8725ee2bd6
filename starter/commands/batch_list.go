package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/starter/output"
)

type batchListCommand struct{ *given }

func (c batchListCommand) command() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "list batches",
		Long:    `list prints the batches in the ledger, latest first. It needs no running worker or engine.`,
		Example: "  mediaferry batch list",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.Shown(c.run(cmd.Context(), asJSON)) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line, in the format of batch status")
	return cmd
}

func (c batchListCommand) run(ctx context.Context, asJSON bool) error {
	if err := c.OpenResults(ctx); err != nil {
		return err
	}
	all, err := c.Ledger.Batches(ctx, ledger.BatchFilter{})
	if err != nil {
		return err
	}
	p := c.Printer(asJSON)
	rows := [][]string{{"BATCH", "STATE", "ROWS", "READY", "FAILED", "OPEN", "STARTED", "MANIFEST"}}
	for _, b := range all {
		s, err := c.batches.Numbers(ctx, b)
		if err != nil {
			return err
		}
		if asJSON {
			if err := p.Object(s); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{
			b.ID, output.BatchStateWords(b), fmt.Sprint(s.Total), fmt.Sprint(s.Ready), fmt.Sprint(s.Failed), fmt.Sprint(s.Waiting + s.InProgress + s.Unconfirmed),
			output.Ago(b.CreatedAt, time.Now()), b.Manifest,
		})
	}
	if asJSON {
		return nil
	}
	if len(rows) == 1 {
		c.Say("no batches")
		return nil
	}
	return p.Table(rows)
}

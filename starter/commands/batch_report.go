package commands

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

type batchReportCommand struct{ *given }

func (c batchReportCommand) command() *cobra.Command {
	var format, file string
	cmd := &cobra.Command{
		Use:   "report [flags] ID",
		Short: "report how each row of a batch ended",
		Long: `report lists every row of a batch in the manifest's order: as CSV, as JSON Lines with the
objects of "upload --json", as a workbook for spreadsheets (xlsx), or as one HTML page. It
works at any time, also for a batch that is running, held or canceled, and needs no running
worker or engine.

When a batch ends, mediaferry writes all formats to the results folder, together with the
failed rows as a manifest for the next run. It writes them again if a row ends later. FILE
can also be a pipe or a link.`,
		Example: `  mediaferry batch report spring > spring.csv
  mediaferry batch report spring --format xlsx -o spring.xlsx`,
		Args: oneBatch,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.Shown(c.run(cmd.Context(), args[0], format, file))
		},
		ValidArgsFunction: first(c.completeBatches),
	}
	cmd.Flags().StringVar(&format, "format", string(report.CSV), "write the report as `FORMAT`: "+output.Join(report.Formats()))
	cmd.Flags().StringVarP(&file, "output", "o", "", "write to `FILE` instead of standard output")
	return cmd
}

func (c batchReportCommand) run(ctx context.Context, id, format, file string) error {
	if !slices.Contains(report.Formats(), report.Format(format)) {
		return exit.Misused("unknown --format %q; use one of %s", format, output.Join(report.Formats()))
	}
	if _, err := c.OpenBatchResults(ctx, id); err != nil {
		return err
	}
	roots, err := c.Roots()
	if err != nil {
		return err
	}
	from, err := wiring.Sources(c.Config, roots, c.Data)
	if err != nil {
		return err
	}
	if c.Locked != nil {
		from = nil // thumbnails need the encrypted sources
	}
	write := func(w io.Writer) error {
		return report.Print(ctx, c.Ledger, id, report.Options{Format: report.Format(format), Sources: from}, w)
	}
	if file == "" {
		return write(c.Out)
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("-o %s: %w", file, err)
	}
	return report.StoreFile(ctx, full, write)
}

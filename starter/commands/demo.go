package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/front"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sandboxhost"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

type demoCommand struct{ *given }

func (c demoCommand) command() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo [--keep]",
		Short: "send a sample catalogue to the five simulated vendors",
		Long: `demo starts the engine and the sandbox, and sends sample images and two videos to the five
simulated vendors as a batch. It prints how each upload ended. Then it checks the vendors'
records: each file must have arrived exactly once, byte for byte.

The uploads stay in the data folder, where list, show, batch status and batch report can show
them. The sample files and the vendors' copies are removed, unless you use --keep.`,
		Example: `  mediaferry demo
  mediaferry demo --keep && mediaferry up --sandbox     to see the histories`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), keep) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the sample files and the vendors' copies")
	return cmd
}

func (c demoCommand) run(ctx context.Context, keep bool) error {
	if err := c.requireAlone(ctx); err != nil {
		return err
	}
	folder := c.folder()
	if !keep {
		c.cleanUp(folder, sandboxhost.Folder(c.Data))
	}
	if err := writeSamples(folder); err != nil {
		return fmt.Errorf("sample media: %w", err)
	}
	if keep {
		c.Say("the sample files stay in %s", folder)
	}
	box, err := c.sandbox.Start(ctx, opening.SandboxOptions{})
	if err != nil {
		return err
	}
	c.Flags.Config = box.Config() // whatever the environment names
	running, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-box.Done(): // nothing can end well any more
			stop()
		case <-running.Done():
		}
	}()
	if err := c.sendCatalogue(running, box, folder); err != nil {
		return errors.Join(box.Err(), err)
	}
	return nil
}

// folder is where the sample files are: not in the data folder, which is never read
// from, and in the same place the next time, where an interrupted demo continues.
func (c demoCommand) folder() string {
	digest := sha256.Sum256([]byte(c.Data))
	return filepath.Join(os.TempDir(), "mediaferry-demo-"+hex.EncodeToString(digest[:4]))
}

// sendCatalogue sends the sample catalogue in folder to the vendors of the sandbox,
// and compares what they received with it.
func (c demoCommand) sendCatalogue(ctx context.Context, box *sandboxhost.Sandbox, folder string) error {
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	organization, err := demoOrganization(ctx, box)
	if err != nil {
		return err
	}
	place, rows, err := writeCatalogue(folder, organization)
	if err != nil {
		return fmt.Errorf("sample catalogue: %w", err)
	}
	if err := c.workers.Start(ctx, true, []upload.Root{{Path: folder}}); err != nil {
		return err
	}
	c.Parting = "interrupted; the demo continues the next time an engine starts on this data folder"
	batch := "demo-" + time.Now().Format("20060102-150405")
	c.Say("%d items to five vendors; batch %s", rows, batch)
	if c.Engine != nil {
		c.Say("web UI %s", front.Link(c.Engine.Address().Front, front.TemporalPath+"/", c.Engine.Token()))
	}
	if err := c.loadDemo(ctx, batch, place, folder); err != nil {
		return err
	}
	if err := c.batches.Start(ctx, batch); err != nil {
		return err
	}
	results, err := c.followDemo(ctx, batch)
	if err != nil {
		return err
	}
	records, err := box.Books(ctx)
	if err != nil {
		return err
	}
	return c.audit(records, results)
}

// loadDemo saves the rows of the demo's manifest as a batch, to be read by this
// process.
func (c demoCommand) loadDemo(ctx context.Context, id string, place manifest.Place, folder string) error {
	host, err := c.Host()
	if err != nil {
		return err
	}
	opener, err := c.manifests.Opener()
	if err != nil {
		return err
	}
	_, err = batch.Load(ctx, batch.Loading{
		Place: place, Opener: opener, Catalog: c.Config, Ledger: c.Ledger, Batch: id, By: c.Who(),
		Queue: func(context.Context, string) (string, error) { return upload.HostQueue(host, folder), nil },
	})
	return c.manifestError(err)
}

// followDemo waits for the demo's batch, and prints its rows in the order in which
// they ended.
func (c demoCommand) followDemo(ctx context.Context, batch string) ([]upload.Result, error) {
	var some *exit.NotReadyError
	ended := c.batches.Follow(ctx, batch, output.Printer{Out: io.Discard, Err: c.Err})
	if ended != nil && !errors.As(ended, &some) {
		return nil, ended
	}
	var results []upload.Result
	for entry, err := range c.Ledger.List(ctx, ledger.Filter{Batch: batch}) {
		if err != nil {
			return nil, err
		}
		results = append(results, entry.Result)
	}
	slices.SortStableFunc(results, func(x, y upload.Result) int { return endOf(x).Compare(endOf(y)) })
	p := c.Printer(false)
	for _, r := range results {
		if err := p.Item(r); err != nil {
			return nil, err
		}
	}
	return results, ended
}

// endOf is when an item ended; one that has not sorts behind all that have.
func endOf(r upload.Result) time.Time {
	if r.FinishedAt == nil {
		return time.Now()
	}
	return *r.FinishedAt
}

// requireAlone makes sure that only the demo's own worker takes its items: other workers
// have accounts of the same names that are not the sandbox's.
func (c demoCommand) requireAlone(ctx context.Context) error {
	switch {
	case c.Flags.Config != "":
		return &exit.UsageError{Text: "demo uses its own accounts and does not accept --config", Hint: "see: mediaferry upload --help"}
	case wiring.ServiceConfigured():
		return &exit.UsageError{Text: "demo runs its own engine, but the environment names a Temporal service", Hint: "unset the variables whose names begin with TEMPORAL_"}
	case c.EngineRuns(ctx):
		return &exit.UsageError{Text: fmt.Sprintf("an engine is already running on data folder %s, and its worker has other accounts", c.Data), Hint: "use another folder: mediaferry demo --data DIR"}
	}
	return nil
}

// cleanUp removes folders when the command ends, those that were there before
// excepted.
func (c demoCommand) cleanUp(folders ...string) {
	for _, folder := range folders {
		if _, err := os.Stat(folder); err != nil {
			c.OnClose(func() { _ = os.RemoveAll(folder) })
		}
	}
}

// audit compares the results with the records of the simulated vendors.
func (c demoCommand) audit(records sandboxhost.Books, results []upload.Result) error {
	for _, r := range results {
		n := 0
		for _, m := range records.Media {
			if m.Vendor != string(r.Vendor) || m.MediaID != string(r.MediaID) {
				continue
			}
			n++
			if m.SHA256 != string(r.SHA256) {
				return fmt.Errorf("%s has %s with SHA-256 %s, but the file that was sent has %s", r.Vendor, r.MediaID, m.SHA256, r.SHA256)
			}
		}
		if n != 1 {
			return fmt.Errorf("%s has %s %d times instead of once", r.Vendor, r.MediaID, n)
		}
	}
	if len(records.Violations) > 0 {
		return fmt.Errorf("a vendor reports a protocol violation: %v", records.Violations[0])
	}
	var sent int64
	for _, r := range results {
		sent += r.BytesSent
	}
	_, err := fmt.Fprintf(c.Out, "\n%d files, %s: each arrived exactly once, byte for byte\n", len(results), output.Size(sent))
	return err
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

type moveCommand struct{ *given }

func (c moveCommand) command() *cobra.Command {
	var host, source string
	cmd := &cobra.Command{
		Use:   "move UPLOAD_ID --host NAME [--source PATH]",
		Short: "continue an upload on another host",
		Long: `move continues an upload on another host that has the same file, for example when the first
host is gone. The new host reads the parts that the store has acknowledged and compares
checksums. If they match, the upload continues with the missing parts. If they differ, the
upload stays on its host. A row of a batch first gets a workflow of its own.`,
		Example: `  mediaferry move upload/truvideo/tour --host studio-2
  mediaferry move upload/truvideo/tour --host studio-2 --source /nas/tour.mp4`,
		Args: oneUpload,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd.Context(), args[0], host, source)
		},
	}
	cmd.Flags().StringVar(&host, "host", "", "continue on host `NAME`")
	cmd.Flags().StringVar(&source, "source", "", "read the file from `PATH` on the new host (default: the same path as before)")
	cmd.ValidArgsFunction = c.completeUploads
	return cmd
}

func (c moveCommand) run(ctx context.Context, id, host, source string) error {
	if err := c.OpenLedger(ctx); err != nil {
		return err
	}
	if host == "" {
		return &exit.UsageError{Text: "--host is missing", Hint: c.hosts(ctx)}
	}
	entry, err := c.Upload(ctx, id)
	if err != nil {
		return err
	}
	if err := following.CheckActive(entry); err != nil {
		return err
	}
	to, err := c.destination(ctx, entry, host, source)
	if err != nil {
		return err
	}
	c.Work = "the upload"
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	if following.Grouped(entry) {
		if entry, err = c.uploads.DetachRow(ctx, entry); err != nil {
			return err
		}
	}
	if _, err := c.uploads.Resume(ctx, entry); err != nil {
		return err
	}
	c.Say("%s is reading %s to compare it with the bytes that were sent; this can take a while", host, to.Source)
	if err := c.request(ctx, entry, to); err != nil {
		return err
	}
	return c.noteItem(ctx, entry, ledger.EventMove, "", "to "+host)
}

// destination is where an upload's file is to be read: in the queue of a living
// worker of that host.
func (c moveCommand) destination(ctx context.Context, entry ledger.Entry, host, source string) (upload.Move, error) {
	item, err := entry.Item()
	if err != nil {
		return upload.Move{}, err
	}
	if !item.Local() {
		return upload.Move{}, &exit.UsageError{Text: fmt.Sprintf("%s does not need to be moved: every host can read its source %s", item.UploadID, upload.DisplaySource(item.Source)), Hint: "any worker can continue it; to start one: mediaferry up, or mediaferry-worker"}
	}
	path := item.Source
	if source != "" {
		if path, err = c.pathOn(host, source); err != nil {
			return upload.Move{}, err
		}
	}
	workers, err := c.Ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		return upload.Move{}, err
	}
	if shared, is := upload.ParseSharedQueue(item.Queue); is && source == "" && wiring.Polled(workers, item.Queue) {
		return upload.Move{}, &exit.UsageError{Text: fmt.Sprintf("%s does not need to be moved: every worker that has the shared root %s can read its source", item.UploadID, shared.Shared), Hint: "any of them can continue it"}
	}
	queue, found := wiring.Queue(workers, host, nil, path)
	if !found {
		return upload.Move{}, &exit.UsageError{Text: fmt.Sprintf("no worker on host %q can read %s", host, path), Hint: c.hosts(ctx)}
	}
	return upload.Move{Queue: queue, Host: host, Source: path, By: c.Who()}, nil
}

// pathOn is a path on a host. A relative one would mean another folder on another
// host.
func (c moveCommand) pathOn(host, source string) (string, error) {
	here, err := c.Host()
	if err != nil {
		return "", err
	}
	if !upload.IsLocal(source) {
		return "", exit.Misused("--source must be a local path, got %q", upload.DisplaySource(source))
	}
	if host != here && !filepath.IsAbs(source) && !strings.HasPrefix(source, "file://") {
		return "", exit.Misused("--source %q is a relative path; give an absolute path on %s", source, host)
	}
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("current folder: %w", err)
	}
	path, err := upload.CanonicalSource(source, folder)
	if err != nil {
		return "", exit.Misused("--source: %s", err)
	}
	return path, nil
}

// hosts lists the hosts whose workers read files, and which.
func (c moveCommand) hosts(ctx context.Context) string {
	workers, err := c.Ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		return "could not read the list of hosts from the ledger: " + err.Error()
	}
	var all []string
	for _, w := range workers {
		var folders []string
		for _, root := range wiring.RootsOn([]ledger.Worker{w}, w.Host) {
			folders = append(folders, root.Path)
		}
		if len(folders) == 0 {
			continue
		}
		slices.Sort(folders)
		if text := fmt.Sprintf("%s (%s)", w.Host, strings.Join(folders, ", ")); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	if len(all) == 0 {
		return "no running worker can read local files; start mediaferry-worker or mediaferry up on the host that has the file"
	}
	slices.Sort(all)
	return "hosts and the folders that they can read: " + strings.Join(all, "; ")
}

// request asks the workflow to move, and prints the answer: what proves that the bytes
// are the same, or why it was refused.
func (c moveCommand) request(ctx context.Context, entry ledger.Entry, to upload.Move) error {
	id := entry.Result.UploadID
	handle, err := c.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: entry.WorkflowID, RunID: entry.RunID, UpdateName: upload.UpdateMove,
		WaitForStage: client.WorkflowUpdateStageAccepted, Args: []any{to},
	})
	var proof string
	if err == nil {
		err = handle.Get(ctx, &proof)
	}
	var gone *serviceerror.NotFound
	var refused *temporal.ApplicationError
	switch {
	case errors.As(err, &gone):
		return &exit.UsageError{Text: "the workflow of " + id + " has ended", Hint: "to see how it ended: mediaferry show " + upload.Argument(id)}
	case errors.As(err, &refused):
		c.Say("%s was not moved: %s", id, refused.Message())
		return &exit.NotReadyError{Count: 1}
	case err != nil:
		return fmt.Errorf("move %s: %w", id, err)
	}
	_, err = fmt.Fprintf(c.Out, "%-12s %-10s %s  %s on %s\n", "moved", entry.Result.To, id, output.Visible(to.Source), to.Host)
	if err == nil && proof != "" {
		c.Say("the file is the same: %s", proof)
	}
	return err
}

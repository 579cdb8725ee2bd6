package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type batchScheduleCommand struct{ *given }

type scheduleFlags struct {
	cron   string
	to     string
	remove bool
}

// catchUp is how late a run may begin that was due while nothing ran.
const catchUp = time.Hour

func (c batchScheduleCommand) command() *cobra.Command {
	var f scheduleFlags
	cmd := &cobra.Command{
		Use:   "schedule NAME --cron SPEC MANIFEST_OR_FOLDER",
		Short: "send new rows of a manifest, or new files, on a schedule",
		Long: `schedule starts a batch from a manifest or a folder at the times that you set. Each run sends
only what is new, and is a batch of its own, named after NAME and its time. If a run has not
ended, the next one is skipped. To change a schedule, run the command again; to end it, use
--remove.

SPEC is minute, hour, day of month, month and day of week, in UTC unless it begins with
CRON_TZ=ZONE.`,
		Example: `  mediaferry batch schedule nightly --cron '0 2 * * *' --to trustoo /media/new
  mediaferry batch schedule hourly --cron 'CRON_TZ=Asia/Tokyo 0 9 * * *' a.csv
  mediaferry batch schedule nightly --remove`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case f.remove && len(args) == 1, !f.remove && len(args) == 2:
				return nil
			case f.remove:
				return exit.Misused("give the NAME of exactly one schedule")
			}
			return exit.Misused("give a NAME, and a manifest or a folder")
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.cron, "cron", "", "start batches at `SPEC`, for example '0 2 * * *'")
	flags.StringVar(&f.to, "to", "", "use `ACCOUNT` for rows that do not name one")
	flags.BoolVar(&f.remove, "remove", false, "remove the schedule")
	return cmd
}

// scheduleID names a schedule in Temporal.
func scheduleID(name string) string { return upload.WorkflowID("batch/" + name) }

func (c batchScheduleCommand) run(ctx context.Context, f scheduleFlags, args []string) error {
	name := args[0]
	if err := upload.CheckBatchID(name); err != nil {
		return exit.Misused("NAME: %s", err)
	}
	if f.cron == "" && !f.remove {
		return exit.Misused("--cron is missing")
	}
	if err := c.OpenLedger(ctx); err != nil {
		return err
	}
	if !c.EngineRuns(ctx) {
		return &exit.UsageError{Text: "batch schedule needs a running engine", Hint: "to start one, run in another terminal: mediaferry up"}
	}
	if f.remove {
		return c.removeSchedule(ctx, name)
	}
	what, err := c.scheduled(ctx, name, args[1], f.to)
	if err != nil {
		return err
	}
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	return c.putSchedule(ctx, f.cron, what)
}

// scheduled is what the workflow of a schedule is given.
func (c batchScheduleCommand) scheduled(ctx context.Context, name, given, to string) (upload.Scheduled, error) {
	what := upload.Scheduled{Name: name, To: to}
	if to != "" {
		if _, err := c.Config.Profile(to); err != nil {
			return what, err
		}
	}
	if given == "-" {
		return what, exit.Misused("a schedule cannot read standard input; use a file, a folder, an s3:// or an oss:// URL")
	}
	here, err := os.Getwd()
	if err != nil {
		return what, fmt.Errorf("current folder: %w", err)
	}
	place, err := manifest.Locate(given, here)
	if err != nil {
		return what, exit.Misused("%s", upload.AsError(err, "").Message)
	}
	what.Manifest = place.Given()
	if !upload.IsLocal(place.Source) {
		return what, nil
	}
	if _, err := os.Stat(place.Source); err != nil {
		return what, exit.Misused("manifest %s cannot be opened: %s", place.Source, errors.Unwrap(err))
	}
	workers, err := c.Ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		return what, err
	}
	host, err := c.Host()
	if err != nil {
		return what, err
	}
	own, err := c.Roots()
	if err != nil {
		return what, err
	}
	queue, found := wiring.Queue(workers, host, own, place.Source)
	if !found {
		return what, &exit.UsageError{Text: fmt.Sprintf("no worker on this host can read %s", place.Source), Hint: "to start one, run in another terminal: mediaferry up. If one is running, add the folder to sources.local_roots"}
	}
	what.Queue = queue
	return what, nil
}

// putSchedule makes a schedule, or changes the one of that name.
func (c batchScheduleCommand) putSchedule(ctx context.Context, cron string, what upload.Scheduled) error {
	spec := client.ScheduleSpec{CronExpressions: []string{cron}}
	id := upload.WorkflowID("scheduled/" + what.Name)
	input, err := codec.ScheduleInput(c.Keys, id, what)
	if err != nil {
		return err
	}
	action := &client.ScheduleWorkflowAction{ID: id, Workflow: upload.WorkflowScheduled, Args: input, TaskQueue: upload.TaskQueue}
	schedules := c.Temporal.ScheduleClient()
	handle, err := schedules.Create(ctx, client.ScheduleOptions{
		ID: scheduleID(what.Name), Spec: spec, Action: action, Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp,
		Note: "by " + c.Who(),
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		handle = schedules.GetHandle(ctx, scheduleID(what.Name))
		err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			changed := in.Description.Schedule
			changed.Spec, changed.Action = &spec, action
			return &client.ScheduleUpdate{Schedule: &changed}, nil
		}})
	}
	var invalid *serviceerror.InvalidArgument
	switch {
	case errors.As(err, &invalid):
		return exit.Misused("--cron %q: %s", cron, invalid.Message)
	case err != nil:
		return fmt.Errorf("schedule %s: %w", what.Name, err)
	}
	described, err := handle.Describe(ctx)
	if err != nil {
		return fmt.Errorf("schedule %s: %w", what.Name, err)
	}
	if next := described.Info.NextActionTimes; len(next) > 0 {
		c.Say("schedule %s: the next batch from %s starts at %s", what.Name, upload.DisplaySource(what.Manifest), next[0].Local().Format(time.DateTime))
		return nil
	}
	return exit.Misused("--cron %q never occurs", cron)
}

func (c batchScheduleCommand) removeSchedule(ctx context.Context, name string) error {
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	err := c.Temporal.ScheduleClient().GetHandle(ctx, scheduleID(name)).Delete(ctx)
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		return exit.Misused("unknown schedule %q", name)
	case err != nil:
		return fmt.Errorf("remove schedule %s: %w", name, err)
	}
	c.Say("schedule %s is removed; batches that it already started continue", name)
	return nil
}

package wiring

import (
	"context"
	"errors"

	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// errNoResults is the complaint of a worker that has no data folder to fall back
// on.
var errNoResults = errors.New("`results` is missing in the configuration; set it to a folder, s3://… or oss://…")

// reporting writes the reports of batches to where the configuration of the
// moment wants them.
func reporting(o WorkerOptions) func(context.Context, string) ([]string, error) {
	return func(ctx context.Context, batch string) ([]string, error) {
		now, err := o.Config.Config()
		if err != nil {
			return nil, err
		}
		target, err := Results(now, o.Data)
		if err != nil {
			return nil, err
		}
		from, err := Sources(now, o.Roots, o.Data)
		if err != nil {
			return nil, err
		}
		return report.Write(ctx, o.Ledger, batch, report.Options{Target: target, Sources: from})
	}
}

// WakeBatch tells a batch's workflow that there is more to do, and starts one where
// it has ended. Where nothing is left to do, it writes the reports anew.
func WakeBatch(ctx context.Context, temporal client.Client, batch string) error {
	_, err := temporal.SignalWithStartWorkflow(ctx, upload.BatchWorkflowID(batch), upload.SignalMore, nil, client.StartWorkflowOptions{
		TaskQueue: upload.TaskQueue, StaticSummary: "batch " + batch,
	}, upload.WorkflowBatch, upload.BatchRun{Batch: batch})
	return err
}

// finishing has the reports of a batch written anew. Ends that come close together
// are one to it.
func finishing(temporal client.Client) func(context.Context, string) error {
	return func(ctx context.Context, batch string) error { return WakeBatch(ctx, temporal, batch) }
}

// loading makes the batches of schedules: of what was not delivered before.
func loading(o WorkerOptions) func(context.Context, upload.Scheduled) (string, error) {
	return func(ctx context.Context, in upload.Scheduled) (string, error) {
		now, err := o.Config.Config()
		if err != nil {
			return "", err
		}
		from, err := Sources(now, o.Roots, o.Data)
		if err != nil {
			return "", err
		}
		place, err := manifest.Locate(in.Manifest, "/")
		if err != nil {
			return "", err
		}
		loaded, err := batch.Load(ctx, batch.Loading{
			Place: place, Opener: manifest.From(from), Catalog: now, Ledger: o.Ledger, Fresh: o.Ledger,
			Batch: in.Name, To: in.To, SkipInvalid: true, By: "schedule", Queue: o.queue, Sources: from,
		})
		if errors.Is(err, batch.ErrNothingNew) {
			return "", nil
		}
		return loaded.Batch.ID, err
	}
}

// queue is where a path of this host is read: by this worker, or by whoever reads it now.
func (o WorkerOptions) queue(ctx context.Context, path string) (string, error) {
	if root, own := Narrowest(o.Roots, path); own {
		return root.Queue(o.Host), nil
	}
	workers, err := o.Ledger.Workers(ctx, WorkerAge)
	if err != nil {
		return "", err
	}
	queue, found := Queue(workers, o.Host, nil, path)
	if !found {
		return "", upload.Errorf(upload.KindInvalid, upload.StepClaim, "no worker on host %s can read %q", o.Host, path).
			WithHint("add its folder to sources.local_roots or sources.shared_roots")
	}
	return queue, nil
}

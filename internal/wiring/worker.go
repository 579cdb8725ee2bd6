package wiring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/activities"
	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/workflows"
)

const (
	// slots is how many activities of any kind a worker does at once, and
	// readers how many that read one root. A few of them fill a line; the rest
	// wait for vendors.
	slots   = 64
	readers = 16
	// shards is how many shards a worker carries at once. They cost little by
	// themselves: how many of their rows are under way is limited by account. It
	// must be so many that those of a slow vendor leave room for a fast one's.
	shards  = 100
	pollers = 5 // of each sort; fewer let tasks lie, more only cost
	// announceEvery is how often a worker says that it lives.
	announceEvery = 3 * time.Second
	// WorkerAge is after what silence a worker is not counted on any more.
	WorkerAge = 4 * announceEvery
)

// DutyUploads is the duty of a worker that carries workflows and calls vendors.
const DutyUploads = "uploads"

// WorkerOptions say what a worker does.
type WorkerOptions struct {
	Temporal client.Client
	Ledger   *ledger.Ledger // bound to the service of Temporal
	Config   *config.Live
	Keys     codec.Keys
	Log      *zap.Logger
	Version  string

	// Host is the name under which local sources are looked for.
	Host string
	// Data is the data folder, where reports lie for which the configuration has
	// no other place; "" where there is none.
	Data string
	// Roots are the folders whose files this worker reads, each in a task queue
	// of its own.
	Roots []upload.Root
	// Bandwidth limits what it sends; nil: no limit.
	Bandwidth *transfer.Bandwidth
	// Metrics are told what it does; nil: nobody is.
	Metrics *Metrics
	// Page is the address of the web page, for notifications; nil where it is not known.
	Page func() string
	// Uploads makes it carry workflows and call vendors; without it, the worker
	// reads local sources only.
	Uploads bool
	// Deployment and Build are the version of its worker deployment, by which Temporal
	// keeps an upload on the version that began it; "" for none. Queues of roots and shards
	// have activities only and no versions: those of two successive versions agree.
	Deployment, Build string
	// Drain is how long activities may go on when the worker stops.
	Drain time.Duration
}

// Worker does activities and workflows until it is stopped.
type Worker struct {
	info    ledger.Worker
	ledger  *ledger.Ledger
	log     *zap.Logger
	workers []worker.Worker
	cancel  context.CancelFunc
	done    sync.WaitGroup
	notices *Notifier // nil: it sends none
	stopped sync.Once

	bandwidth *transfer.Bandwidth // nil: no limit
}

// StartWorker starts a worker and announces it in the ledger.
func StartWorker(ctx context.Context, o WorkerOptions) (*Worker, error) {
	now, err := o.Config.Config()
	if err != nil {
		return nil, err
	}
	from, err := sourcesOf(now, o.Roots)
	if err != nil {
		return nil, err
	}
	from.Closed, from.Temporary = closed(o.Data, o.Config.Config), o.Data
	w := &Worker{ledger: o.Ledger, log: o.Log, bandwidth: o.Bandwidth, info: ledger.Worker{
		ID: rand.Text(), Host: o.Host, Roots: localPaths(o.Roots), Shared: sharedPaths(o.Roots), PID: os.Getpid(), Version: o.Version, Schema: ledger.KnownSchema(), StartedAt: time.Now(),
	}}
	acts := &activities.Activities{
		Steps: &steps.Steps{
			Accounts: accounts{o.Config, o.Keys}, Ledger: o.Ledger, Sources: sources.New(from), Egress: from.Egress,
			Running: running(o.Temporal), Bandwidth: o.Bandwidth, Owner: w.info.ID, Metrics: o.Metrics.Ours(), Log: o.Log, Now: time.Now,
		},
		Report: reporting(o), Finish: finishing(o.Temporal), Load: loading(o),
	}
	if o.Metrics != nil {
		o.Metrics.serveLedger(o)
	}
	w.build(o, acts)
	w.info.Bandwidth = o.Bandwidth.Now()
	for _, sdk := range w.workers {
		if err := sdk.Start(); err != nil {
			w.stopSDK()
			return nil, fmt.Errorf("start worker: %w", err)
		}
	}
	if err := o.Ledger.Announce(ctx, w.info); err != nil {
		w.stopSDK()
		return nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	w.done.Go(func() { w.announce(life) })
	if o.Uploads {
		w.notices = StartNotifier(ctx, NotifierOptions{Ledger: o.Ledger, Config: o.Config, Page: o.Page, Metrics: o.Metrics.Ours(), Log: o.Log})
		w.done.Go(func() {
			defer acts.SweepEvery(life)()
			<-life.Done()
		})
	}
	return w, nil
}

// build makes a worker of the SDK's for each task queue.
func (w *Worker) build(o WorkerOptions, acts *activities.Activities) {
	options := worker.Options{
		MaxConcurrentActivityExecutionSize: slots,
		MaxConcurrentActivityTaskPollers:   pollers,
		MaxConcurrentWorkflowTaskPollers:   pollers,
		WorkerStopTimeout:                  o.Drain,
		Interceptors:                       []interceptor.WorkerInterceptor{&queueNames{keys: o.Keys}},
	}
	reading := options
	reading.DisableWorkflowWorker = true
	reading.MaxConcurrentActivityTaskPollers = 2
	if o.Uploads {
		main := worker.New(o.Temporal, upload.TaskQueue, o.versioned(options))
		for _, all := range []map[string]any{workflows.Uploads(vendors.Names()), workflows.Batches(), workflows.Verifications()} {
			for name, flow := range all {
				main.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
			}
		}
		acts.Register(main)
		acts.RegisterBatches(main)
		w.workers = append(w.workers, main)
		w.info.Queues = append(w.info.Queues, upload.TaskQueue)
		w.runShards(o, acts, upload.TaskQueue, reading)
		w.info.Duties = append(w.info.Duties, DutyUploads)
		w.info.Uploads, w.info.Shards = slots, shards
	}
	for _, root := range o.Roots {
		queue := upload.QueueKey(root.Queue(o.Host))
		reading.MaxConcurrentActivityExecutionSize = readers
		for _, name := range TaskQueues(o.Keys, queue) {
			local := worker.New(o.Temporal, name, reading)
			acts.RegisterReading(local)
			w.workers = append(w.workers, local)
		}
		w.info.Queues = append(w.info.Queues, queue)
		w.runShards(o, acts, queue, reading)
	}
}

// versioned adds the version of the worker's deployment.
func (o WorkerOptions) versioned(options worker.Options) worker.Options {
	if o.Deployment != "" {
		options.DeploymentOptions = worker.DeploymentOptions{
			UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: o.Deployment, BuildID: o.Build},
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
		}
	}
	return options
}

// runShards makes the worker that carries shards beside one of single uploads.
func (w *Worker) runShards(o WorkerOptions, acts *activities.Activities, queue string, options worker.Options) {
	options.MaxConcurrentActivityExecutionSize = shards
	for _, name := range TaskQueues(o.Keys, upload.ShardsQueue(queue)) {
		sdk := worker.New(o.Temporal, name, options)
		acts.RegisterShards(sdk)
		w.workers = append(w.workers, sdk)
	}
	w.info.Queues = append(w.info.Queues, upload.ShardsQueue(queue))
}

// announce says every few seconds that the worker lives.
func (w *Worker) announce(ctx context.Context) {
	ticker := time.NewTicker(announceEvery)
	defer ticker.Stop()
	for heard := true; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		w.checkAge(ctx)
		w.info.Bandwidth = w.bandwidth.Now()
		err := w.ledger.Announce(ctx, w.info)
		switch {
		case ctx.Err() != nil:
		case err != nil && heard: // once: it lasts as long as its cause
			w.log.Warn("the worker could not register in the ledger", zap.Error(err))
		case err == nil && !heard:
			w.log.Warn("the worker is registered in the ledger again")
		}
		heard = err == nil
	}
}

// checkAge has the worker take no more work once the ledger is for newer programs only.
// What it has begun goes on; activities of its kind cannot harm what they hold.
func (w *Worker) checkAge(ctx context.Context) {
	if w.info.Outdated {
		return
	}
	err := w.ledger.Compatible(ctx)
	if !errors.Is(err, ledger.ErrNewer) {
		return // where it does not answer, announcing says so
	}
	w.info.Outdated = true
	w.info.Queues, w.info.Duties, w.info.Roots, w.info.Shared = nil, nil, nil, nil
	w.log.Error("the worker is too old for the ledger and takes no more work; stop it, and start the new version", zap.Error(err))
	w.done.Go(w.stopSDK)
}

// Stop ends the worker: it takes no more tasks, lets activities go on for as
// long as its Drain allows, and hands over those that have not ended.
func (w *Worker) Stop() {
	w.cancel()
	w.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), announceEvery)
	defer cancel()
	if err := w.ledger.Withdraw(ctx, w.info.ID); err != nil {
		w.log.Debug("the worker could not remove its registration from the ledger", zap.Error(err))
	}
	w.stopSDK()
	if w.notices != nil { // what ended a moment ago is told, too
		w.notices.Stop()
	}
}

func (w *Worker) stopSDK() {
	w.stopped.Do(func() {
		var all sync.WaitGroup
		for _, sdk := range w.workers {
			all.Go(sdk.Stop)
		}
		all.Wait()
	})
}

// Carried reports whether a living worker carries uploads.
func Carried(workers []ledger.Worker) bool {
	return slices.ContainsFunc(workers, func(w ledger.Worker) bool { return slices.Contains(w.Duties, DutyUploads) })
}

// accounts resolves accounts from the configuration as it is now.
type accounts struct {
	live *config.Live
	keys codec.Keys
}

func (a accounts) Account(name string) (spec.Account, error) {
	now, err := a.live.Config()
	if err != nil {
		return spec.Account{}, err
	}
	return now.Account(name)
}

func (a accounts) KeyFingerprint(account spec.Account) string {
	return config.Fingerprint(a.keys, account)
}

// sourcesOf is what the configuration says about sources.
func sourcesOf(c *config.Config, roots []upload.Root) (sources.Options, error) {
	private, err := c.AllowPrivateNetworks()
	if err != nil {
		return sources.Options{}, err
	}
	s3, err := c.S3()
	if err != nil {
		return sources.Options{}, err
	}
	_, given, err := c.LocalRoots()
	if err != nil {
		return sources.Options{}, err
	}
	options := sources.Options{
		Roots: paths(roots), Shared: sharedPaths(roots), Personal: !given, AllowPrivate: private, Egress: egress.New(),
		S3: sources.S3Options{Endpoint: s3.Endpoint, Region: s3.Region, PathStyle: s3.PathStyle},
	}
	if oss, err := c.OSS(); err == nil { // without it, oss: sources are refused when they are looked at
		options.OSS = sources.OSSOptions{Endpoint: oss.Endpoint, AccessKeyID: oss.AccessKeyID, AccessKeySecret: oss.AccessKeySecret}
	}
	return options, nil
}

// running asks Temporal whether a run is still open. One that it does not know
// is not.
func running(temporal client.Client) func(context.Context, string, string) (bool, error) {
	return func(ctx context.Context, workflowID, runID string) (bool, error) {
		described, err := temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
		var unknown *serviceerror.NotFound
		switch {
		case errors.As(err, &unknown):
			return false, nil
		case err != nil:
			return false, err
		}
		return described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
	}
}

package opening

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// drain is how long this command lets its own activities continue when it ends. Other
// workers continue what they leave.
const drain = 2 * time.Second

// Workers are the workers that do a command's work: living ones of other processes,
// and those that this process runs because no other does.
type Workers struct {
	// Bandwidth limits what those of this process send; nil: no limit.
	Bandwidth *transfer.Bandwidth

	session *Session
	uploads bool          // this process carries uploads
	roots   []upload.Root // whose files it reads
}

// NewWorkers returns the workers of a command, which runs none of its own yet.
func NewWorkers(s *Session) *Workers { return &Workers{session: s} }

// Missing is what no living worker does of a command's work.
type Missing struct {
	Uploads bool          // no living worker carries uploads
	Roots   []upload.Root // of this host, that no living worker reads
}

// Any reports whether anything is missing.
func (m Missing) Any() bool { return m.Uploads || len(m.Roots) > 0 }

func (m *Missing) addRoot(root upload.Root) {
	if !slices.Contains(m.Roots, root) {
		m.Roots = append(m.Roots, root)
	}
}

// Start makes this process a worker, which carries uploads where that is wanted,
// and reads files below roots.
func (w *Workers) Start(ctx context.Context, uploads bool, roots []upload.Root) error {
	s := w.session
	host, err := s.Host()
	if err != nil {
		return err
	}
	worker, err := wiring.StartWorker(ctx, wiring.WorkerOptions{
		Temporal: s.Temporal, Ledger: s.Ledger, Config: s.Live, Keys: s.Keys, Log: s.Log, Version: s.Version,
		Host: host, Roots: roots, Uploads: uploads, Drain: drain, Data: s.Data,
		Bandwidth: w.Bandwidth, Metrics: s.Metrics, Page: s.PageAddress,
	})
	if err != nil {
		return err
	}
	w.uploads, w.roots = w.uploads || uploads, append(w.roots, roots...)
	s.OnClose(worker.Stop)
	return nil
}

// CarriesUploads reports whether this process carries uploads.
func (w *Workers) CarriesUploads() bool { return w.uploads }

// Serves reports whether others need this process: it hosts the engine, or works.
func (w *Workers) Serves() bool {
	s := w.session
	return s.Temporal == nil || s.Engine != nil && s.Engine.Hosting() || w.uploads || len(w.roots) > 0
}

// Alive reports whether a living worker carries uploads. It is false where the
// ledger cannot be read.
func (w *Workers) Alive(ctx context.Context) bool {
	all, err := w.session.Ledger.Workers(ctx, wiring.WorkerAge)
	return err == nil && wiring.Carried(all)
}

// Polled reports whether a living worker polls a task queue.
func (w *Workers) Polled(ctx context.Context, queue string) (bool, error) {
	all, err := w.session.Ledger.Workers(ctx, wiring.WorkerAge)
	return wiring.Polled(all, queue), err
}

// Assign gives each local item the queue of the worker that reads it: of a living
// one, or of this process, which is then missing a root.
func (w *Workers) Assign(ctx context.Context, items []upload.Item) (Missing, error) {
	s := w.session
	all, err := s.Ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		return Missing{}, err
	}
	missing := Missing{Uploads: !wiring.Carried(all)}
	host, err := s.Host()
	if err != nil {
		return missing, err
	}
	own, err := s.Roots()
	if err != nil {
		return missing, err
	}
	for i := range items {
		if !items[i].Local() {
			continue
		}
		if s.Lent {
			if err := assignThere(all, host, own, &items[i]); err != nil {
				return missing, err
			}
			continue
		}
		queue, found := wiring.Queue(all, host, own, items[i].Source)
		if !found {
			root, err := s.OwnRoot(items[i].Source)
			if err != nil {
				return missing, err
			}
			queue = root.Queue(host)
			missing.addRoot(root)
		}
		items[i].Queue = queue
	}
	return missing, nil
}

// assignThere gives an item the queue of a living worker on the host that had its file, or
// on this one where that is not known. own are the roots of this one.
func assignThere(all []ledger.Worker, here string, own []upload.Root, item *upload.Item) error {
	if _, shared := upload.ParseSharedQueue(item.Queue); shared && wiring.Polled(all, item.Queue) {
		return nil
	}
	host, _, known := upload.ParseHostQueue(item.Queue)
	if !known {
		host = here
	}
	queue, found := wiring.Queue(all, host, own, item.Source)
	if !found {
		return &exit.UsageError{Text: fmt.Sprintf("no worker on host %s that reads %s is running", host, item.Source), Hint: "start mediaferry-worker there, then try again"}
	}
	item.Queue = queue
	return nil
}

// CheckCredentials refuses, before anything is started, items for whose account
// this process would lack the credentials.
func (w *Workers) CheckCredentials(missing Missing, items []upload.Item) error {
	for _, item := range items {
		if !missing.Uploads {
			return nil // the worker's own configuration counts
		}
		if _, err := w.session.Config.Account(item.Account); err != nil {
			return err
		}
	}
	return nil
}

// Ensure makes this process do what is missing. It repeats nothing that it does
// already, even if the ledger does not list it: that may have been out of reach.
func (w *Workers) Ensure(ctx context.Context, missing Missing) error {
	if w.session.Lent { // the work waits for a worker
		return nil
	}
	uploads := missing.Uploads && !w.uploads
	roots := slices.DeleteFunc(slices.Clone(missing.Roots), func(root upload.Root) bool { return slices.Contains(w.roots, root) })
	if !uploads && len(roots) == 0 {
		return nil
	}
	w.session.Log.Info("no worker is running; this command does the work itself", zap.Bool("uploads", uploads), zap.Stringers("roots", roots))
	return w.Start(ctx, uploads, roots)
}

// EnsureQueues makes this process do what no other worker does for items in these
// queues: a worker may have died, or ended with its command.
func (w *Workers) EnsureQueues(ctx context.Context, queues []string) error {
	all, err := w.session.Ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		return err
	}
	missing, err := w.missing(all, queues)
	if err != nil {
		return err
	}
	return w.Ensure(ctx, missing)
}

// missing is what no living worker does for these queues.
func (w *Workers) missing(all []ledger.Worker, queues []string) (Missing, error) {
	missing := Missing{Uploads: !wiring.Carried(all)}
	here, err := w.session.Host()
	if err != nil {
		return missing, err
	}
	own, err := w.session.Roots()
	if err != nil {
		return missing, err
	}
	for _, queue := range queues {
		if wiring.Polled(all, queue) {
			continue
		}
		if root, can := readable(queue, here, own); can {
			missing.addRoot(root)
		}
	}
	return missing, nil
}

// readable is the root that this process would read for a queue. It can for a queue of this
// host, if its configuration allows the folder, and for a shared root that it names.
func readable(queue, here string, own []upload.Root) (upload.Root, bool) {
	if shared, ok := upload.ParseSharedQueue(queue); ok {
		i := slices.IndexFunc(own, func(root upload.Root) bool { return root.Shared == shared.Shared })
		if i < 0 {
			return upload.Root{}, false
		}
		return own[i], true
	}
	host, path, ok := upload.ParseHostQueue(queue)
	if !ok || host != here {
		return upload.Root{}, false
	}
	_, allowed := wiring.Narrowest(own, path)
	return upload.Root{Path: path}, allowed
}

// EnsureBatch makes this process do what no other worker does of a batch's work.
func (w *Workers) EnsureBatch(ctx context.Context, id string) error {
	s := w.session
	all, err := s.Ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		return err
	}
	routes, err := s.Ledger.Routes(ctx, id)
	if err != nil {
		return err
	}
	var queues []string
	for _, route := range routes {
		queues = append(queues, route.Queue)
	}
	missing, err := w.missing(all, queues)
	if err != nil {
		return err
	}
	for _, route := range routes {
		if missing.Uploads && !w.uploads && route.Waiting > 0 {
			if _, err := s.Config.Account(route.Account); err != nil {
				return err
			}
		}
	}
	return w.Ensure(ctx, missing)
}

package following

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// watched is how many of a command's uploads are asked how far they are: those
// that are shown.
const watched = 3

// statusWatcher asks uploads how far they are, in the background: a workflow whose worker
// has just died takes its time to answer.
type statusWatcher struct {
	ask   func(ctx context.Context, f *Upload) (upload.Status, error)
	every time.Duration

	mu   sync.Mutex
	of   []*Upload
	last map[string]upload.Status // by upload ID
}

// statusEvery is how often a workflow is asked at most.
const statusEvery = time.Second

func newStatusWatcher(ask func(context.Context, *Upload) (upload.Status, error), every time.Duration) *statusWatcher {
	return &statusWatcher{ask: ask, every: max(every, statusEvery), last: map[string]upload.Status{}}
}

// run asks until ctx ends.
func (w *statusWatcher) run(ctx context.Context) {
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for {
		w.mu.Lock()
		of := w.of
		w.mu.Unlock()
		for _, f := range of {
			status, err := w.ask(ctx, f)
			w.note(f.item.UploadID, status, err == nil)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// note keeps an answer. Where there is none, what was known is out of date.
func (w *statusWatcher) note(id string, status upload.Status, answered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if answered {
		w.last[id] = status
		return
	}
	delete(w.last, id)
}

// watch says which uploads are of interest from now on.
func (w *statusWatcher) watch(pending []*Upload) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of = pending[:min(len(pending), watched)]
}

// status is what an upload has answered last; nil where that is not known.
func (w *statusWatcher) status(id string) *upload.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	if status, known := w.last[id]; known {
		return &status
	}
	return nil
}

package following

import (
	"context"
	"sync"
	"time"
)

// watched is how many of a command's uploads are asked how far they are: those
// that are shown.
const watched = 3

// statusWatcher asks uploads how far they are, in the background: a workflow whose worker
// has just died takes its time to answer.
type statusWatcher struct {
	ask   func(ctx context.Context, f *Upload) (underWay, error)
	every time.Duration

	mu   sync.Mutex
	of   []*Upload
	last map[string]underWay // by upload ID
}

// statusEvery is how often a workflow is asked at most.
const statusEvery = time.Second

func newStatusWatcher(ask func(context.Context, *Upload) (underWay, error), every time.Duration) *statusWatcher {
	return &statusWatcher{ask: ask, every: max(every, statusEvery), last: map[string]underWay{}}
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
			now, err := w.ask(ctx, f)
			w.note(f.item.UploadID, now, err == nil)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// note keeps an answer. Where there is none, what was known is out of date.
func (w *statusWatcher) note(id string, now underWay, answered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if answered {
		w.last[id] = now
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

// now is how far an upload was when it was asked last; empty where that is not known.
func (w *statusWatcher) now(id string) underWay {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[id]
}

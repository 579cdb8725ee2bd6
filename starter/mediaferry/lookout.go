package main

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// watched is how many of a command's uploads are asked how far they are: those
// that are shown.
const watched = 3

// lookout asks uploads how far they are, in the background: a workflow whose worker
// has just died takes its time to answer.
type lookout struct {
	ask   func(ctx context.Context, f *following) (upload.Status, error)
	every time.Duration

	mu   sync.Mutex
	of   []*following
	last map[string]upload.Status // by upload ID
}

// statusEvery is how often a workflow is asked at most.
const statusEvery = time.Second

func newLookout(ask func(context.Context, *following) (upload.Status, error), every time.Duration) *lookout {
	return &lookout{ask: ask, every: max(every, statusEvery), last: map[string]upload.Status{}}
}

// run asks until ctx ends.
func (w *lookout) run(ctx context.Context) {
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

// note keeps an answer. Where there is none, what was known is no news any more.
func (w *lookout) note(id string, status upload.Status, answered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if answered {
		w.last[id] = status
		return
	}
	delete(w.last, id)
}

// look says which uploads are of interest from now on, and returns what is known
// of the first of them.
func (w *lookout) look(pending []*following) (status upload.Status, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of = pending[:min(len(pending), watched)]
	if len(pending) == 0 {
		return status, false
	}
	status, known = w.last[pending[0].item.UploadID]
	return status, known
}

// done is how many bytes of an upload's parts the store has acknowledged, as far
// as that is known.
func (w *lookout) done(f *following) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[f.item.UploadID].BytesDone
}

package simulate

import (
	"runtime"
	"sync"
	"time"
)

// Jobs runs the vendors' processing: each thing once at a time, and few together.
type Jobs struct {
	slots chan struct{}

	mu      sync.Mutex
	idle    *sync.Cond // woken when something ends
	running map[string]chan struct{}
}

// NewJobs runs nothing yet.
func NewJobs() *Jobs {
	j := &Jobs{running: map[string]chan struct{}{}, slots: make(chan struct{}, max(1, runtime.NumCPU()/2))}
	j.idle = sync.NewCond(&j.mu)
	return j
}

// Start runs work for id, unless it is running already, and returns a channel
// that is closed when it is over.
func (j *Jobs) Start(id string, work func()) <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if done, ok := j.running[id]; ok {
		return done
	}
	done := make(chan struct{})
	j.running[id] = done
	go func() {
		j.slots <- struct{}{}
		work()
		<-j.slots
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.running, id)
		close(done)
		j.idle.Broadcast()
	}()
	return done
}

// patience is how long somebody who asks for a result that is due waits for work
// that is late; after that the thing is still being processed.
const patience = 2 * time.Second

// Finish runs work for id, or waits for it where it runs.
func (j *Jobs) Finish(id string, work func()) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-j.Start(id, work):
	case <-t.C:
	}
}

// Wait returns when nothing runs.
func (j *Jobs) Wait() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.running) > 0 {
		j.idle.Wait()
	}
}

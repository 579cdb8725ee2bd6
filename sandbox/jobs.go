package sandbox

import (
	"runtime"
	"sync"
	"time"
)

// jobs runs the vendors' processing: each thing once, few at a time.
type jobs struct {
	mu      sync.Mutex
	running map[string]chan struct{}
	slots   chan struct{}
	all     sync.WaitGroup
}

func newJobs() *jobs {
	return &jobs{running: map[string]chan struct{}{}, slots: make(chan struct{}, max(1, runtime.NumCPU()/2))}
}

// start runs work for id, unless it is running already, and returns a channel
// that is closed when it is over.
func (j *jobs) start(id string, work func()) <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if done, ok := j.running[id]; ok {
		return done
	}
	done := make(chan struct{})
	j.running[id] = done
	j.all.Add(1)
	go func() {
		defer j.all.Done()
		j.slots <- struct{}{}
		work()
		<-j.slots
		j.mu.Lock()
		delete(j.running, id)
		j.mu.Unlock()
		close(done)
	}()
	return done
}

// patience is how long somebody who asks for a result that is due waits for work
// that is late; after that the thing is still being processed.
const patience = 2 * time.Second

// finish runs work for id, or waits for it where it runs, and reports whether it
// is over. A vendor whose processing takes no time waits to the end.
func (j *jobs) finish(id string, atOnce bool, work func()) bool {
	done := j.start(id, work)
	if atOnce {
		<-done
		return true
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// wait returns when nothing runs any more.
func (j *jobs) wait() { j.all.Wait() }

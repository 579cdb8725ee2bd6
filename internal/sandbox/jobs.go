package sandbox

import (
	"runtime"
	"sync"
	"time"
)

// jobs runs the vendors' processing: each thing once at a time, and few together.
type jobs struct {
	slots chan struct{}

	mu      sync.Mutex
	idle    *sync.Cond // woken when something ends
	running map[string]chan struct{}
}

func newJobs() *jobs {
	j := &jobs{running: map[string]chan struct{}{}, slots: make(chan struct{}, max(1, runtime.NumCPU()/2))}
	j.idle = sync.NewCond(&j.mu)
	return j
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

// finish runs work for id, or waits for it where it runs.
func (j *jobs) finish(id string, work func()) {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-j.start(id, work):
	case <-t.C:
	}
}

// wait returns when nothing runs.
func (j *jobs) wait() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.running) > 0 {
		j.idle.Wait()
	}
}

// gate counts who is inside, and can be closed behind the last of them.
type gate struct {
	mu     sync.Mutex
	left   *sync.Cond
	inside int
	closed bool
}

func newGate() *gate {
	g := &gate{}
	g.left = sync.NewCond(&g.mu)
	return g
}

// enter lets somebody in unless the gate is closed.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.left.Broadcast()
}

// close lets nobody in any more and waits until all have left.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for g.inside > 0 {
		g.left.Wait()
	}
}

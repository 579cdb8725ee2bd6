package sandbox

import (
	"sync"
)

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

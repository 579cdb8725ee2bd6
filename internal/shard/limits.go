package shard

import (
	"sync"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// batchLimits are the limits of the batches that this process carries shards of.
type batchLimits struct {
	mu  sync.Mutex
	all map[string]*batchLimit
}

func (b *batchLimits) of(batch string) *batchLimit {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[string]*batchLimit{}
	}
	if b.all[batch] == nil {
		b.all[batch] = new(batchLimit)
	}
	return b.all[batch]
}

// batchLimit is what a person set for one batch, as of late.
type batchLimit struct {
	mu     sync.Mutex
	limits upload.Limits
}

func (b *batchLimit) set(limits upload.Limits) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limits = limits
}

func (b *batchLimit) inFlight() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limits.InFlight
}

// rate is how many calls a second the batch may make to an account; 0: no limit.
func (b *batchLimit) rate(account string) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limits.RPS[account]
}

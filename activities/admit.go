package activities

import (
	"context"
	"sync"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

const (
	// admitRows is how many rows are claimed at once, ahead of those that are sent:
	// by itself a claim costs as much as a small medium's way. A batch that may have
	// fewer under way claims each when its turn comes, since a row that is claimed
	// counts as begun.
	admitRows = 32
	// admitLooks is how many sources of them are looked at at once.
	admitLooks = 8
)

// admit claims the rows that have not begun, a group at a time, and passes all on
// in their order.
func (c *carrier) admit(ctx context.Context, rows []ledger.Row) <-chan *packed {
	out := make(chan *packed, admitRows)
	go func() {
		defer close(out)
		for len(rows) > 0 {
			n := min(len(rows), admitRows)
			group := make([]*packed, n)
			for i, row := range rows[:n] {
				group[i] = newPacked(c, row)
			}
			rows = rows[n:]
			if most := c.limits.inFlight(); (most == 0 || most >= admitRows) && !c.stopped() && ctx.Err() == nil {
				c.claimGroup(ctx, group)
			}
			for _, r := range group {
				out <- r // whoever reads does so to the end
			}
		}
	}()
	return out
}

// claimGroup claims those of a group with which all is plain. The others do it
// by themselves when their turn comes, where each has its tries and its failure.
func (c *carrier) claimGroup(ctx context.Context, group []*packed) {
	caller, err := c.means(ctx)
	if err != nil {
		return
	}
	looked := c.lookGroup(ctx, caller.Account, group)
	var lookups []ledger.Lookup
	for _, r := range looked {
		if !r.item.Again {
			lookups = append(lookups, ledger.Lookup{Item: r.item, Fingerprint: r.looked.Fingerprint})
		}
	}
	known, err := c.Ledger.Delivered(ctx, lookups)
	if err != nil {
		return
	}
	var plain []*packed
	var requests []ledger.ClaimRequest
	for _, r := range looked {
		if _, found := known[r.item.UploadID]; !found {
			plain = append(plain, r)
			requests = append(requests, r.claimRequest(r.looked))
		}
	}
	claims, err := c.Ledger.ClaimAll(ctx, requests)
	if err != nil {
		return
	}
	for i, r := range plain {
		if claims[i].Outcome == ledger.Granted {
			r.progress.Content = r.looked
		}
	}
}

// lookGroup looks at the sources of a group's rows that have not begun, and
// returns those that can be packed.
func (c *carrier) lookGroup(ctx context.Context, account vendors.Account, group []*packed) []*packed {
	var all sync.WaitGroup
	turns := make(chan struct{}, admitLooks)
	for _, r := range group {
		if r.broken != nil || r.entry.Detached || r.progress.Content.Size > 0 || meant(r.item, account) != nil {
			continue
		}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			if content, _, err := c.look(ctx, r.item, c.spec, account); err == nil && c.spec.Packs(content) {
				r.looked = content
			}
		})
	}
	all.Wait()
	var looked []*packed
	for _, r := range group {
		if r.looked.Size > 0 {
			looked = append(looked, r)
		}
	}
	return looked
}

// claimRequest asks for a row on behalf of its shard.
func (r *packed) claimRequest(content upload.Content) ledger.ClaimRequest {
	return ledger.ClaimRequest{
		Item: r.item, Content: content, WorkflowID: r.workflowID, RunID: r.runID, Way: upload.WayPacked, StartedAt: r.began,
	}
}

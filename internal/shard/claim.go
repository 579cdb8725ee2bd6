package shard

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// admitRows is how many rows are claimed at once, ahead of those that are sent:
	// by itself a claim costs as much as a small medium's way. A batch that may have
	// fewer under way claims each when its turn comes, since a row that is claimed
	// counts as begun.
	admitRows = 32
	// looksAhead is how many sources are looked at at once ahead of the claims.
	looksAhead = 32
)

// admit looks at the sources of the rows that have not begun, claims those that have
// been seen, and passes all on, about in their order. It waits for nobody: rows are
// claimed together that have been seen by then, and those whose sources are slow come
// last.
func (c *carrier) admit(ctx context.Context, rows []ledger.Row) <-chan *row {
	seen, out := make(chan *row, admitRows), make(chan *row, admitRows)
	go func() {
		defer close(seen)
		c.lookAhead(ctx, rows, seen)
	}()
	go func() {
		defer close(out)
		var late []*row
		for first := range seen {
			group := among([]*row{first}, seen)
			if most := c.LimitsOf(c.shard.Batch).InFlight; (most == 0 || most >= admitRows) && !c.stopped() && ctx.Err() == nil {
				c.claimGroup(ctx, group)
			}
			for _, r := range group {
				if r.late {
					late = append(late, r)
					continue
				}
				out <- r // whoever reads does so to the end
			}
		}
		postponed := 2*len(late) <= len(rows) && c.untriedOutside(ctx)
		for _, r := range late {
			r.postponed = postponed
			out <- r
		}
	}()
	return out
}

// among adds the rows to a group that are there already.
func among(group []*row, seen <-chan *row) []*row {
	for len(group) < admitRows {
		select {
		case r, more := <-seen:
			if !more {
				return group
			}
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// claimGroup claims those of a group with which all is plain. The others do it
// by themselves when their turn comes, where each has its tries and its failure.
func (c *carrier) claimGroup(ctx context.Context, group []*row) {
	caller, err := c.caller(ctx)
	if err != nil {
		return
	}
	var seen []*row
	var lookups []ledger.Lookup
	for _, r := range group {
		if r.seen.Size == 0 || !c.spec.Packs(r.seen) || c.Now().Sub(r.seenAt) >= seenFor {
			continue
		}
		seen = append(seen, r)
		if !r.item.Again {
			lookups = append(lookups, ledger.Lookup{Item: r.item, Fingerprint: r.seen.Fingerprint})
		}
	}
	if len(seen) == 0 {
		return
	}
	known, err := c.Ledger.Delivered(ctx, lookups)
	if err != nil {
		return
	}
	var plain []*row
	var requests []ledger.ClaimRequest
	for _, r := range seen {
		if _, found := known[r.item.UploadID]; !found {
			plain = append(plain, r)
			requests = append(requests, r.claimRequest(r.seen))
		}
	}
	claims, err := c.Ledger.ClaimAll(ctx, requests)
	if err != nil {
		return
	}
	for i, r := range plain {
		if claims[i].Outcome == ledger.Granted {
			r.way = c.FlowOf(ctx, c.spec, caller.Account, r.item)
			r.claimed(r.seen)
		}
	}
}

// claim claims the row, whose source was seen. A row that does not go on is done: it is
// known, refused, or detached.
func (r *row) claim(ctx context.Context) error {
	content := r.seen
	if !r.item.Again {
		known, err := r.Ledger.Delivered(ctx, []ledger.Lookup{{Item: r.item, Fingerprint: content.Fingerprint}})
		if err != nil {
			return steps.FromLedger(ctx, err)
		}
		if earlier, found := known[r.item.UploadID]; found {
			return r.known(ctx, earlier, content)
		}
	}
	if !r.spec.Packs(content) {
		return r.detach(ctx, "")
	}
	claim, err := r.Ledger.Claim(ctx, r.claimRequest(content))
	if err != nil {
		return steps.FromLedger(ctx, err)
	}
	if claim.Outcome != ledger.Granted {
		return r.notGranted(ctx, claim, content)
	}
	r.claimed(content)
	return nil
}

// claimed takes note that the row is this run's, and takes over what its last run left
// open of the same source.
func (r *row) claimed(content upload.Content) {
	r.p.Content = content
	if was := r.last; was != nil && was.Content.Of(content) {
		r.way.Restart(&r.p, *was, r.Now())
	}
	r.last = nil
}

// notGranted is what becomes of a row that another run has, or had. An upload of
// its own knows how to wait for that one, or to take over from it.
func (r *row) notGranted(ctx context.Context, claim ledger.Claim, content upload.Content) error {
	switch {
	case claim.Outcome == ledger.Known, claim.Outcome == ledger.Canceled:
		r.done = true
		return nil
	case claim.Outcome == ledger.Changed:
		return steps.Changed(claim.Entry, r.item, content)
	case claim.Entry.Detached:
		r.markDetached()
		return nil
	}
	return r.detach(ctx, "another run was already uploading it")
}

// known ends a row that an earlier item has delivered already.
func (r *row) known(ctx context.Context, earlier ledger.Entry, content upload.Content) error {
	result := r.result(upload.StateReady)
	was := earlier.Result
	result.MediaID, result.MediaURL, result.KnownFrom = was.MediaID, was.MediaURL, upload.Text(was.UploadID)
	result.Size, result.SHA256, result.CRC64 = upload.Number(content.Size), was.SHA256, was.CRC64
	if content.Converts() {
		result.Size = was.Size
	}
	result.SourceSize, result.SourceSHA256 = was.SourceSize, was.SourceSHA256
	return r.record(ctx, result, content.Fingerprint)
}

// takeOver claims a row with progress that a former run of this shard left, as after a
// reset in Temporal, and reports whether the row goes on here.
func (r *row) takeOver(ctx context.Context) bool {
	r.heldByFormerRun = false
	claim, err := r.Ledger.Claim(ctx, r.claimRequest(r.p.Content))
	switch {
	case err != nil:
		err = steps.FromLedger(ctx, err)
	case claim.Outcome == ledger.Granted:
		return true
	default:
		err = r.notGranted(ctx, claim, r.p.Content)
	}
	return r.handleOutcome(ctx, r.p.At(), err)
}

// claimRequest asks for a row on behalf of its shard.
func (r *row) claimRequest(content upload.Content) ledger.ClaimRequest {
	return ledger.ClaimRequest{
		Item: r.item, Content: content, WorkflowID: r.attempt.Run.WorkflowID, RunID: r.attempt.Run.ID, Way: upload.WayPacked, StartedAt: r.attempt.Run.Started,
	}
}

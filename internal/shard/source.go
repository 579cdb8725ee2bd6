package shard

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// A source that is slow, or out of order, is the affair of its own rows alone. They are
// looked at without a place of the limiter, after all others, and few of them are sent at
// once.
const (
	// lookAheadMost is how long a look may take ahead of the claims. A row whose source
	// takes longer comes last.
	lookAheadMost = time.Second
	// postponedFor is after what time a row is tried again, at the earliest, whose source
	// was slow while other rows had not been tried.
	postponedFor = 5 * time.Second
	// passOnAfter is how long a shard waits for sources while other rows of its route wait
	// for theirs.
	passOnAfter = 5 * time.Minute
	// seenFor is after what time a row whose turn comes late looks at its source again.
	seenFor = 30 * time.Second
	// looksAtOnce is how many slow sources one shard looks at at once.
	looksAtOnce = 32
	// lookMost is a little more than a look at a source can take.
	lookMost = 90 * time.Second
	// slowLeast is how long a step takes, at least, whose failure makes the source's
	// host count as slow, and slowFor for how long it does.
	slowLeast = 10 * time.Second
	slowFor   = time.Minute
	// slowSendsAtOnce is how many rows of one shard are sent at once whose sources are at
	// such hosts.
	slowSendsAtOnce = 4
)

// slowSources keeps rows with slow sources from holding up the others of their shard.
type slowSources struct {
	hosts *slowHosts
	looks chan struct{} // holds those who look
	turns chan struct{} // holds those who send
}

func newSlowSources(hosts *slowHosts) slowSources {
	return slowSources{hosts: hosts, looks: make(chan struct{}, looksAtOnce), turns: make(chan struct{}, slowSendsAtOnce)}
}

// slowHosts are the hosts of sources that failed to give what they should, and until when
// they count as slow. Its zero value is ready.
type slowHosts struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (l *slowHosts) note(host string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until == nil {
		l.until = map[string]time.Time{}
	}
	l.until[host] = until
}

// slow reports whether a host counts as slow. One that no longer does is forgotten.
func (l *slowHosts) slow(host string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, noted := l.until[host]
	if noted && !now.Before(until) {
		delete(l.until, host)
	}
	return now.Before(until)
}

// hostOf is the host of a source, or its bucket; "" for a file of this host.
func hostOf(source string) string {
	if upload.IsLocal(source) {
		return ""
	}
	u, err := url.Parse(source)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// atSlowHost reports whether the row's source is at a host that was slow of late.
func (r *row) atSlowHost() bool {
	host := hostOf(r.item.Source)
	return host != "" && r.slow.hosts.slow(host, r.Now())
}

// takeSlowTurn waits for one of the few places of rows whose sources are slow, and
// reports whether the row goes on.
func (r *row) takeSlowTurn(ctx context.Context) bool {
	if !r.atSlowHost() {
		return true
	}
	select {
	case r.slow.turns <- struct{}{}:
		r.holdsSlowTurn = true
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *row) leaveSlowTurn() {
	if r.holdsSlowTurn {
		r.holdsSlowTurn = false
		<-r.slow.turns
	}
}

// unseen reports whether the row's source is to be looked at before it can be claimed.
func (r *row) unseen() bool {
	return r.broken == nil && !r.entry.Detached && r.p.Content.Size == 0 && r.seen.Size == 0
}

// lookAhead looks at the sources of all rows that have not begun, and passes the rows on.
func (c *carrier) lookAhead(ctx context.Context, rows []ledger.Row, seen chan<- *row) {
	var all sync.WaitGroup
	turns := make(chan struct{}, looksAhead)
	for _, from := range rows {
		r := newRow(c, from)
		switch {
		case !r.unseen() || c.stopped() || ctx.Err() != nil:
			seen <- r // whoever reads does so to the end
			continue
		case r.atSlowHost(), r.untilSource() > 0:
			r.late = true
			seen <- r
			continue
		}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			r.lookBriefly(ctx)
			seen <- r
		})
	}
	all.Wait()
}

// lookBriefly looks at the row's source for a moment.
func (r *row) lookBriefly(ctx context.Context) {
	soon, done := context.WithTimeout(ctx, lookAheadMost)
	defer done()
	content, err := r.stat(soon)
	switch {
	case err == nil:
		r.seen, r.seenAt = content, r.Now()
	case soon.Err() != nil: // it is looked at in its own time
		r.late = true
	default:
		r.fault, r.began = err, r.Now()
	}
}

// refresh looks at the source again for a moment, if that was seen long ago: a batch may
// have few rows under way. What is not seen again now is noticed when it is read.
func (r *row) refresh(ctx context.Context) {
	if r.Now().Sub(r.seenAt) < seenFor {
		return
	}
	soon, done := context.WithTimeout(ctx, lookAheadMost)
	defer done()
	if content, err := r.stat(soon); err == nil {
		r.seen, r.seenAt = content, r.Now()
	}
}

// untilSource is how long it is until the row's source is to be tried again.
func (r *row) untilSource() time.Duration {
	w := r.p.Waiting
	if w == nil || w.Step != upload.StepClaim || w.Next.IsZero() {
		return 0
	}
	return w.Next.Sub(r.Now())
}

// stat finds out what the row's source holds.
func (r *row) stat(ctx context.Context) (upload.Content, error) {
	caller, err := r.carrier.caller(ctx)
	if err != nil {
		return upload.Content{}, err
	}
	if err := steps.Meant(r.item, caller.Account); err != nil {
		return upload.Content{}, err
	}
	content, _, err := r.Stat(ctx, r.item, r.spec, caller.Account)
	return content, err
}

// look looks at the row's source for as long as that takes, and reports whether the row
// goes on.
func (r *row) look(ctx context.Context) bool {
	switch {
	case r.hasRequest():
		r.obeyRequest(ctx)
		return false
	case r.stopped():
		r.countWaiting()
		return false
	}
	if wait := r.untilSource(); r.fault == nil && wait > 0 { // since an earlier attempt of the shard
		return r.restForSource(ctx, wait)
	}
	if r.postponed {
		r.postpone(ctx)
		return false
	}
	err := r.fault
	r.fault = nil
	if err == nil {
		r.seen, err = r.statSlowly(ctx)
	}
	if err == nil {
		r.seenAt = r.Now()
		return true
	}
	if _, broken := r.caller(ctx); broken != nil { // which knows the row's way
		err = broken
	}
	return r.handleOutcome(ctx, upload.StepClaim, err)
}

// postpone leaves a row whose source is slow to another round of the batch.
func (r *row) postpone(ctx context.Context) {
	now := r.Now()
	last := upload.Errorf(upload.KindUnavailable, upload.StepClaim, "source %q did not answer within %s; it is read after the sources of other rows",
		upload.DisplaySource(r.item.Source), lookAheadMost)
	last.Peer = upload.PeerSource
	w := upload.Wait{Step: upload.StepClaim, Since: now, Last: *last}
	if was := r.p.Waiting; was != nil {
		w = *was
	}
	w.Next = now.Add(postponedFor)
	r.fail(ctx, r.Ledger.NoteWait(ctx, r.item.UploadID, r.attempt.Run.ID, &w))
	r.leaveForSource(ctx, w.Next)
}

func (r *row) statSlowly(ctx context.Context) (upload.Content, error) {
	select {
	case r.slow.looks <- struct{}{}:
		defer func() { <-r.slow.looks }()
	case <-ctx.Done():
		return upload.Content{}, ctx.Err()
	}
	r.countLooking(1)
	defer r.countLooking(-1)
	r.began = r.Now()
	return r.stat(ctx)
}

func (c *carrier) countLooking(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looking += n
}

// noteSlowHost has the host of the row's source count as slow, if the step that failed took
// long.
func (r *row) noteSlowHost() {
	r.lasted = r.Now().Sub(r.began)
	if host := hostOf(r.item.Source); host != "" && r.slowly() {
		r.slow.hosts.note(host, r.Now().Add(slowFor))
	}
}

// slowly reports whether the row's last step that failed because of its source took long.
func (r *row) slowly() bool { return r.lasted >= slowLeast }

// restForSource waits until the row's source is to be tried again, without a place of
// the limiter: here while other rows of the shard are being sent, and else until the
// shard comes back. It reports whether the row goes on.
func (r *row) restForSource(ctx context.Context, wait time.Duration) bool {
	r.releaseSlot()
	r.countResting(1)
	defer r.countResting(-1)
	for left := wait; left > 0; left -= shardWatch {
		if r.hasRequest() {
			return true
		}
		if (left > restInSlot || r.slowly()) && !r.othersSend() || r.stopped() || r.Pause(ctx, min(left, shardWatch)) != nil {
			r.leaveForSource(ctx, r.Now().Add(left))
			return false
		}
	}
	return true
}

func (c *carrier) countResting(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resting += n
}

// othersSend reports whether rows of the shard are being sent, or wait for that.
func (c *carrier) othersSend() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unsent > c.resting+c.looking
}

// leaveForSource leaves the row, as far as it is, until the shard comes back for it.
func (r *row) leaveForSource(ctx context.Context, next time.Time) {
	if ctx.Err() != nil || r.p.Content.Size > 0 && !r.saveIdle(ctx) {
		r.countWaiting()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = r.kept || r.p.Content.Size > 0
	if r.sourceNext.IsZero() || next.Before(r.sourceNext) {
		r.sourceNext = next
	}
}

// passOn reports whether a shard that only waits for sources is to end: few shards of a
// route are under way at once, and rows that nobody has tried wait behind them. Its rows
// still wait in the ledger, and another round of the batch takes them up. It ends after
// a while for rows of earlier rounds, too.
func (c *carrier) passOn(ctx context.Context) bool {
	c.mu.Lock()
	waits := c.halt == "" && c.waiting == 0 && len(c.processing) == 0 && !c.sourceNext.IsZero() && !c.kept
	c.mu.Unlock()
	if !waits {
		return false
	}
	if c.Now().Sub(c.attempt.Run.Started) < passOnAfter {
		return c.untriedOutside(ctx)
	}
	others, err := c.Ledger.WaitingOutside(ctx, c.shard, false)
	c.fail(ctx, err)
	return others
}

// untriedOutside reports whether rows of the route wait outside of the shard that nobody
// has tried.
func (c *carrier) untriedOutside(ctx context.Context) bool {
	others, err := c.Ledger.WaitingOutside(ctx, c.shard, true)
	c.fail(ctx, err)
	return others
}

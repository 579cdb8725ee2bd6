package dashboard

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/links"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/output"
	"github.com/mediaferry/mediaferry/starter/views"
)

const batchesShown = 50

// batchCard is a batch in a list. Its JSON is that of `batch status`, and more.
type batchCard struct {
	output.BatchNumbers
	ID        string            `json:"-"`
	State     upload.BatchState `json:"state"`
	Manifest  string            `json:"manifest"`
	Because   upload.Text       `json:"because"`
	By        upload.Text       `json:"by"`
	CreatedAt upload.Moment     `json:"created_at"`
	Finished  upload.Moment     `json:"finished_at"`
	// EtaBecause is what sets the time that is left.
	EtaBecause upload.Text   `json:"eta_because"`
	Since      upload.Moment `json:"since"` // when it was paused or held
}

func cardOf(v *visit, b ledger.Batch) (batchCard, error) {
	known, err := v.waits()
	if err != nil {
		return batchCard{}, err
	}
	n, err := known.Numbers(v.ctx(), b)
	if err != nil {
		return batchCard{}, err
	}
	card := batchCard{
		BatchNumbers: n, ID: b.ID, State: b.State, Manifest: b.Manifest, By: upload.Text(b.By),
		CreatedAt: upload.Moment{Time: b.CreatedAt}, Finished: upload.Moment{Time: b.FinishedAt},
	}
	if b.Paused || b.State == upload.BatchHeld {
		card.Because = upload.Text(b.Because)
		card.Since.Time, err = known.RestsSince(v.ctx(), b)
	}
	return card, err
}

// batchesBody is a page of the list of batches.
type batchesBody struct {
	Batches []batchCard `json:"batches"`
	State   string      `json:"-"`
	Next    upload.Text `json:"next"` // the URL of the next page
}

func batchList(v *visit) (view, error) {
	state := upload.BatchState(v.query("state"))
	f := ledger.BatchFilter{State: state, After: v.query("after"), Limit: batchesShown + 1}
	if state == "open" {
		f.State, f.Open = "", true
	}
	batches, err := v.Ledger.Batches(v.ctx(), f)
	if err != nil {
		return view{}, err
	}
	body := batchesBody{Batches: []batchCard{}, State: string(state)}
	if len(batches) > batchesShown {
		batches = batches[:batchesShown]
		body.Next = upload.Text(v.next(batches[batchesShown-1].ID))
	}
	t := &table{Name: "batches", Header: []string{"batch", "state", "paused", "total", "waiting", "in_progress", "ready", "failed", "unconfirmed", "canceled", "bytes_total", "bytes_sent", "items_per_second", "created_at", "finished_at", "manifest", "by"}}
	for _, b := range batches {
		card, err := cardOf(v, b)
		if err != nil {
			return view{}, err
		}
		body.Batches = append(body.Batches, card)
		n := card.BatchNumbers
		t.add(b.ID, string(b.State), fmt.Sprint(n.Paused), number(n.Total), number(n.Waiting), number(n.InProgress), number(n.Ready), number(n.Failed), number(n.Unconfirmed), number(n.Canceled),
			number(n.BytesTotal), number(n.BytesSent), fmt.Sprint(n.Rate), stamp(b.CreatedAt), stamp(b.FinishedAt), b.Manifest, b.By)
	}
	return view{Title: "Batches", Menu: "batches", Template: "batches", Body: body, Table: t}, nil
}

// next is the visited URL, continued behind an entry.
func (v *visit) next(after string) string {
	query := v.r.URL.Query()
	query.Del("done")
	query.Del("format")
	query.Set("after", after)
	return pathOf(v.r.URL, query)
}

// batchBody is all that is shown of one batch.
type batchBody struct {
	batchCard
	Limits   []string       `json:"limits"`
	Set      upload.Limits  `json:"-"`
	Canary   int            `json:"canary"`
	Accounts []accountShare `json:"accounts"`
	Events   []event        `json:"events"`
	Items    itemsBody      `json:"-"`
	Causes   []cause        `json:"causes"`
	Held     bool           `json:"-"`
}

// accountShare is one account's share of a batch.
type accountShare struct {
	Account  string   `json:"account"`
	Total    int64    `json:"total"`
	Done     int64    `json:"done"`
	InFlight int64    `json:"in_flight"`
	Failed   int64    `json:"failed"`
	Rate     float64  `json:"items_per_second"`
	RPS      *float64 `json:"requests_per_second"`
	Limit    float64  `json:"limit,omitempty"` // of the batch
}

// event is something that a person or the program itself decided.
type event struct {
	At      upload.Moment `json:"at"`
	What    string        `json:"what"`
	By      string        `json:"by"`
	Because upload.Text   `json:"because"`
	Detail  upload.Text   `json:"detail"`
}

// cause are the rows that failed alike: at one account, in one way, with one message but
// for numbers and names.
type cause struct {
	Kind    string `json:"kind"`
	To      string `json:"to"`
	Message string `json:"message"` // of the first of them; "" where only kinds are told apart
	Count   int64  `json:"count"`
	Example string `json:"example"`
	Share   int64  `json:"-"` // of the batch's rows, in percent
}

// causes are why rows of a batch failed: by message, or by kind where there are too many
// failures for that.
func causes(v *visit, b batchCard) ([]cause, error) {
	all := []cause{}
	found, err := v.Ledger.Causes(v.ctx(), b.ID)
	for _, c := range found {
		one := cause{Kind: string(c.Kind), To: c.Account, Count: c.Count, Example: c.Because()}
		if c.Example.Error != nil && c.ID != "" {
			one.Message = c.Example.Error.Message
		}
		all = append(all, one)
	}
	if len(found) == 0 {
		for _, f := range b.Failures {
			all = append(all, cause{Kind: string(f.Kind), To: f.To, Count: f.Count, Example: f.Example})
		}
	}
	for i := range all {
		all[i].Share = all[i].Count * 100 / max(b.Total, 1) //nolint:mnd // percent
	}
	slices.SortStableFunc(all, func(a, b cause) int { return int(b.Count - a.Count) })
	return all, err
}

// Rows is where the rows of a cause are listed, among those of its batch.
func (c cause) Rows(batch string) string {
	query := url.Values{"state": {string(upload.StateFailed)}, "kind": {c.Kind}, "account": {c.To}}
	if c.Message != "" {
		query.Set("message", c.Message)
	}
	return links.Batch(batch) + "?" + query.Encode()
}

// Command runs the rows of a cause again.
func (c cause) Command(batch string) string {
	args := []string{"batch", "retry", "--kind=" + c.Kind, "--to=" + c.To}
	if c.Message != "" {
		args = append(args, "--message="+c.Message)
	}
	return commandLine(append(args, "--", batch))
}

func batchView(v *visit) (view, error) {
	id := v.r.PathValue("id")
	b, err := v.Ledger.Batch(v.ctx(), id)
	if err != nil {
		return view{}, err
	}
	body := batchBody{Limits: []string{}, Set: b.Limits, Canary: b.Canary, Held: b.State == upload.BatchHeld}
	if body.batchCard, err = cardOf(v, b); err != nil {
		return view{}, err
	}
	body.Limits = append(body.Limits, output.LimitLines(b.Limits)...)
	if body.Accounts, err = shares(v, b); err != nil {
		return view{}, err
	}
	body.EtaBecause = upload.Text(etaBecause(body.batchCard, body.Accounts, b))
	if body.Events, err = batchEvents(v, id); err != nil {
		return view{}, err
	}
	if body.Causes, err = causes(v, body.batchCard); err != nil {
		return view{}, err
	}
	if body.Items, err = listItems(v, id); err != nil {
		return view{}, err
	}
	return view{Title: id, Menu: "batches", Template: "batch", Body: body, Table: body.Items.table(v, id)}, nil
}

func batchEvents(v *visit, id string) ([]event, error) {
	all, err := v.Ledger.BatchEvents(v.ctx(), id)
	events := []event{}
	for _, e := range all {
		events = append(events, event{upload.Moment{Time: e.At}, e.What, e.By, upload.Text(e.Because), upload.Text(e.Detail)})
	}
	slices.Reverse(events)
	return events, err
}

// shares are the accounts of a batch.
func shares(v *visit, b ledger.Batch) ([]accountShare, error) {
	counts, err := v.Ledger.BatchTotals(v.ctx(), b.ID)
	if err != nil {
		return nil, err
	}
	var ticks []ledger.Tick
	if !b.State.Ended() {
		if ticks, err = v.Ledger.Ticks(v.ctx(), b.ID, v.now.Add(-views.RateWindow)); err != nil {
			return nil, err
		}
	}
	known, err := v.waits()
	if err != nil {
		return nil, err
	}
	all := []accountShare{}
	for _, c := range counts {
		if len(all) == 0 || all[len(all)-1].Account != c.Account {
			one := accountShare{Account: c.Account, Rate: views.Rate(ticks, v.now, c.Account), Limit: b.Limits.RPS[c.Account]}
			if line, err := known.AccountLine(v.ctx(), v.Config, c.Account); err == nil { // it may not be configured any more
				one.RPS = line.RequestsPerSecond
			}
			all = append(all, one)
		}
		all[len(all)-1].add(c)
	}
	return all, nil
}

func (a *accountShare) add(c ledger.AccountItems) {
	a.Total += c.Items
	switch {
	case c.State.Ended():
		a.Done += c.Items
		if c.State == upload.StateFailed {
			a.Failed += c.Items
		}
	case c.State != upload.StateWaiting:
		a.InFlight += c.Items
	}
}

// etaOf is etaBecause for a batch whose accounts are not known yet.
func etaOf(v *visit, card batchCard, b ledger.Batch) (upload.Text, error) {
	accounts, err := shares(v, b)
	return upload.Text(etaBecause(card, accounts, b)), err
}

// etaBecause is what sets the time that a batch has left: the account that needs the
// longest, and the narrowest limit of its calls.
func etaBecause(b batchCard, accounts []accountShare, batch ledger.Batch) string {
	if b.ETA == nil || *b.ETA == 0 {
		return ""
	}
	slowest, longest := accountShare{}, -1.0
	for _, a := range accounts {
		if a.Total > a.Done && a.Rate > 0 && float64(a.Total-a.Done)/a.Rate > longest {
			slowest, longest = a, float64(a.Total-a.Done)/a.Rate
		}
	}
	if longest < 0 {
		return ""
	}
	// A row takes two calls at least; below that pace something else is the limit.
	const callsOfRow = 2
	near := func(limit float64) bool { return limit > 0 && slowest.Rate*callsOfRow >= limit*0.7 }
	switch l := batch.Limits; {
	case near(slowest.Limit):
		return fmt.Sprintf("set by this batch's limit of %g calls per second for %s", slowest.Limit, slowest.Account)
	case slowest.RPS != nil && near(*slowest.RPS):
		return fmt.Sprintf("set by %s, which allows %g requests per second", slowest.Account, *slowest.RPS)
	case l.Bandwidth > 0:
		return "set by " + slowest.Account + ", within this batch's limit of " + output.Size(l.Bandwidth) + "/s"
	case l.InFlight > 0 && slowest.InFlight >= int64(l.InFlight):
		return fmt.Sprintf("set by %s, with %d rows in flight at most", slowest.Account, l.InFlight)
	}
	return "set by " + slowest.Account + ", as fast as it and the line allow"
}

// ratesBody are the rows of a batch that ended, over time, for a chart.
type ratesBody struct {
	At     []int64   `json:"at"`
	Ready  []float64 `json:"ready"` // per second
	Failed []float64 `json:"failed"`
	Bytes  []float64 `json:"bytes"`
}

// mostPoints is how many points a chart has.
const mostPoints = 240

func rates(v *visit) (view, error) {
	id := v.r.PathValue("id")
	b, err := v.Ledger.Batch(v.ctx(), id)
	if err != nil {
		return view{}, err
	}
	const grain = 10 * time.Second
	end := v.now
	if !b.FinishedAt.IsZero() {
		end = b.FinishedAt
	}
	begin := b.CreatedAt
	if hours := v.query("hours"); hours != "" {
		var n int
		if _, err := fmt.Sscanf(hours, "%d", &n); err == nil && n > 0 {
			begin = later(begin, end.Add(-time.Duration(n)*time.Hour))
		}
	}
	begin = begin.Truncate(grain)
	width := grain * time.Duration(max(1, int(end.Sub(begin)/grain+mostPoints-1)/mostPoints))
	ticks, err := v.Ledger.Ticks(v.ctx(), id, begin)
	body := ratesBody{At: []int64{}}
	for at := begin; !at.After(end); at = at.Add(width) {
		body.At = append(body.At, at.Unix())
	}
	n := len(body.At)
	body.Ready, body.Failed, body.Bytes = make([]float64, n), make([]float64, n), make([]float64, n)
	for _, tick := range ticks {
		i := int(tick.At.Sub(begin) / width)
		if i < 0 || i >= n {
			continue
		}
		switch tick.State {
		case upload.StateReady:
			body.Ready[i] += float64(tick.Rows) / width.Seconds()
		default:
			body.Failed[i] += float64(tick.Rows) / width.Seconds()
		}
		body.Bytes[i] += float64(tick.Bytes) / width.Seconds()
	}
	return view{JSON: body}, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// RPSText are the limits of calls as they are typed.
func (b batchBody) RPSText() string {
	var pairs []string
	for _, a := range b.Accounts {
		if a.Limit > 0 {
			pairs = append(pairs, fmt.Sprintf("%s=%g", a.Account, a.Limit))
		}
	}
	return strings.Join(pairs, " ")
}

// GivenUp is how many rows a retry may run again.
func (c batchCard) GivenUp() int64 { return c.Failed + c.Canceled }

// Open is how many rows have not ended.
func (c batchCard) Open() int64 { return c.Waiting + c.InProgress + c.Unconfirmed }

// Retryable reports whether running the rows again could help.
func (c cause) Retryable() bool { return c.To != "" }

package batch

import (
	"fmt"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Prices is what Temporal Cloud asks for actions. A service of one's own, and the
// embedded engine, ask nothing for them.
type Prices struct {
	// AsOf is the day on which the table was read, and Source where.
	AsOf   string
	Source string
	// Tiers are ascending; the last one has no end.
	Tiers []Tier
}

// Tier is a price for a stretch of a month's actions.
type Tier struct {
	UpTo       int64   // actions of the month; 0: without end
	PerMillion float64 // US dollars
}

// ListPrices are the published prices by volume. Contracts differ.
func ListPrices() Prices {
	const million = 1_000_000
	return Prices{
		AsOf: "2026-11-21", Source: "https://docs.temporal.io/cloud/pricing",
		Tiers: []Tier{
			{5 * million, 50}, {10 * million, 45}, {20 * million, 40}, {50 * million, 35}, {100 * million, 30}, {0, 25},
		},
	}
}

// Of is the price of actions in US dollars, if the month has no others.
func (p Prices) Of(actions int64) float64 {
	var sum float64
	var below int64
	for _, tier := range p.Tiers {
		end := tier.UpTo
		if end == 0 || end > actions {
			end = actions
		}
		if end > below {
			sum += float64(end-below) * tier.PerMillion / 1e6
			below = end
		}
	}
	return sum
}

// Actions is how many Temporal actions are expected, and what they would cost.
type Actions struct {
	Least    int64   `json:"least"`
	Most     int64   `json:"most"`
	LeastUSD float64 `json:"least_usd"`
	MostUSD  float64 `json:"most_usd"`
	AsOf     string  `json:"prices_as_of"`
}

// String is the expectation for people.
func (a Actions) String() string {
	return fmt.Sprintf("%d to %d, $%.2f to $%.2f at Temporal Cloud's list prices of %s", a.Least, a.Most, a.LeastUSD, a.MostUSD, a.AsOf)
}

// What things cost in actions. A child workflow is two, an activity one, and so
// is each time that it comes back, and each of its heartbeats that reaches the
// server.
const (
	actionsBatch  = 6 // the batch itself: its start, its questions to the ledger, its report
	actionsRoute  = 4 // the workflow that dispatches a route, and its cutting of shards
	actionsShard  = 4 // the shard's workflow, its activity, and one return of that
	actionsOwn    = 4 // an item's own workflow, its claim and its record
	actionsSerial = 2 // entering and leaving
	actionsLast   = 1 // leaving the serialKey to others first

	packedLeastShare = 0.05 // of an action for each packed row: returns and beats of its shard
	packedMostShare  = 0.2  // with one row in a hundred in trouble
	ownMostShare     = 1.5  // with beats and repetitions
)

// expectation adds up actions row by row.
type expectation struct {
	packed int64 // rows
	own    int64 // actions
	routes int64
	shards int64
}

// cost is what a row's actions depend on.
type cost struct {
	packed          bool
	calls           Calls
	serialKey, last bool
}

// add adds a row that often; -1 takes it away.
func (e *expectation) add(c cost, times int64) {
	if c.packed {
		e.packed += times
		return
	}
	actions := actionsOwn + c.calls.Prepare + c.calls.Transfer + c.calls.Complete + c.calls.Poll
	if c.serialKey {
		actions += actionsSerial
	}
	if c.last {
		actions += actionsLast
	}
	e.own += times * actions
}

// route adds a route with so many rows, of which some travel in shards.
func (e *expectation) route(rows, packed int64) {
	if rows == 0 {
		return
	}
	e.routes++
	size := int64(upload.Dispatch{Rows: rows}.ShardSize())
	e.shards += (packed + size - 1) / size
}

func (e *expectation) actions(prices Prices) Actions {
	fixed := actionsBatch + e.routes*actionsRoute + e.shards*actionsShard
	a := Actions{
		Least: fixed + int64(float64(e.packed)*packedLeastShare) + e.own,
		Most:  fixed + int64(float64(e.packed)*packedMostShare) + int64(float64(e.own)*ownMostShare),
		AsOf:  prices.AsOf,
	}
	a.LeastUSD, a.MostUSD = prices.Of(a.Least), prices.Of(a.Most)
	return a
}

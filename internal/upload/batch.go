package upload

import (
	"fmt"
	"strings"
	"time"
)

// ShardRows is how many rows of a batch one shard's workflow carries at most.
const ShardRows = 500

// PackedMost is the size in bytes above which a medium gets a workflow of its
// own, whatever its vendor: what takes long deserves a history to look into.
const PackedMost = 8 << 20

// ByItself signs what no person decided: pauses of accounts that their vendors
// denied, and batches that were held or ended.
const ByItself = "mediaferry"

// OrphanTime is how long rows are left alone whose shard was ended from outside. Its
// last attempt finds out with its next heartbeat that nobody waits for it any more,
// and has a little time then to end what is in flight: twice the time that a
// heartbeat may take.
const OrphanTime = 20 * time.Second

// BatchState is where a batch is.
type BatchState string

// The states of a batch.
const (
	BatchLoading   BatchState = "loading" // its rows are being put into the ledger; it cannot run yet
	BatchRunning   BatchState = "running"
	BatchHeld      BatchState = "held" // its failure budget or its canary asks a person
	BatchCanceling BatchState = "canceling"
	BatchCanceled  BatchState = "canceled"
	BatchCompleted BatchState = "completed"
)

// Ended reports whether a batch's workflow is over. Rows that are unconfirmed
// may still be decided after that, and failed ones retried.
func (s BatchState) Ended() bool { return s == BatchCanceled || s == BatchCompleted }

// Limits are what a person set for a batch; they may change while it runs.
type Limits struct {
	// RPS is control calls per second of the whole fleet, by account, below what
	// the account itself may; absent: the account's own.
	RPS map[string]float64 `json:"rps,omitempty"`
	// InFlight is how many rows each worker has under way at once for one
	// account; 0: as many as prove useful.
	InFlight int `json:"in_flight,omitempty"`
	// Bandwidth is bytes per second that each worker sends for the batch; 0: no
	// limit.
	Bandwidth int64 `json:"bandwidth,omitempty"`
	// Patience is how long outages are waited out; nil: as long as the account says.
	Patience *time.Duration `json:"patience,omitempty"`
	// Failures hold the batch when they are reached.
	Failures []Budget `json:"failures,omitempty"`
}

// Budget is how many rows may fail before a batch is held.
type Budget struct {
	// Kind counts failures of one kind only; empty: all.
	Kind Kind `json:"kind,omitempty"`
	// Count is a number of rows; where it is 0, Share of the batch's rows counts,
	// from 0 to 1.
	Count int64   `json:"count,omitempty"`
	Share float64 `json:"share,omitempty"`
}

// Most is how many failures a batch of total rows may have.
func (b Budget) Most(total int64) int64 {
	if b.Count > 0 || b.Share <= 0 {
		return b.Count
	}
	return int64(b.Share * float64(total))
}

// String is the budget as it is given on the command line.
func (b Budget) String() string {
	text := fmt.Sprint(b.Count)
	if b.Count == 0 && b.Share > 0 {
		text = fmt.Sprintf("%g%%", b.Share*100)
	}
	if b.Kind == "" {
		return text
	}
	return string(b.Kind) + "=" + text
}

// CheckBatchID says what is wrong with the name of a batch: it becomes part of
// workflow IDs and of paths.
func CheckBatchID(id string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	switch {
	case len(id) > 100:
		return fmt.Errorf("the batch id has %d bytes but must have at most 100", len(id))
	case strings.ContainsAny(id, `/\:?# `), strings.HasPrefix(id, "."):
		return fmt.Errorf(`batch id %q must not contain /, \ or :, a space, ? or #, or start with a dot`, id)
	}
	return nil
}

// BatchWorkflowID names the workflow of a batch.
func BatchWorkflowID(batch string) string { return WorkflowID("batch/" + batch) }

// Route is the rows of one batch that take one way: to one account, read in one
// task queue. Each route is dispatched by a workflow of its own.
type Route struct {
	Account string `json:"account"`
	Vendor  string `json:"vendor"`
	// Queue is the queue of those who can read the rows' sources; empty where
	// every worker can.
	Queue string `json:"queue,omitempty"`
}

// Shard is a stretch of the rows of a route: those with First <= line <= Last
// that have not ended.
type Shard struct {
	Batch string `json:"batch"`
	Route Route  `json:"route"`
	First int    `json:"first"`
	Last  int    `json:"last"`
	Rows  int    `json:"rows"` // how many there were when the shard was cut
	// Canary says that a person looks at its rows before others are sent: those that go
	// last with their serial keys, which Rows does not count, are left for later.
	Canary bool `json:"canary,omitempty"`
}

// Resume is where an item goes on that was on its way before, packed with
// others, and now has a workflow of its own.
type Resume struct {
	Progress Progress `json:"progress"`
	// Because says in words why the item travels alone from here on.
	Because string `json:"because,omitempty"`
}

// BatchRun is the input of the workflow of a batch.
type BatchRun struct {
	Batch string `json:"batch"`
}

// Scheduled is the input of the workflow that a schedule starts: it makes a batch
// of a manifest, or of a folder, as it is then.
type Scheduled struct {
	Name     string `json:"name"`
	Manifest string `json:"manifest"` // canonical
	To       string `json:"to,omitempty"`
	// Queue is the queue of those who can read a local manifest.
	Queue string `json:"queue,omitempty"`
}

// Names of the workflows and activities of batches.
const (
	WorkflowBatch      = "batch"
	WorkflowDispatcher = "dispatcher"
	WorkflowShard      = "shard"
	WorkflowScheduled  = "scheduled"

	ActivityRoutes       = "Routes"
	ActivityCutShards    = "CutShards"
	ActivityRunShard     = "RunShard"
	ActivityDetachedRows = "DetachedRows"
	ActivityAwaitCanary  = "AwaitCanary"
	ActivityFinishBatch  = "FinishBatch"
	ActivityLoadBatch    = "LoadBatch"

	// SignalUnconfirmed tells a shard that one of its rows, named by its upload
	// ID, waits for a person's decision.
	SignalUnconfirmed = "unconfirmed"
)

// ShardsQueue is the queue of those who carry shards, beside the queue in which
// they do single uploads: a shard that takes hours must not keep one waiting.
func ShardsQueue(queue string) string {
	return TaskQueue + "-shards" + strings.TrimPrefix(queue, TaskQueue)
}

// BatchPlan is the answer of the activity Routes: what is left to do.
type BatchPlan struct {
	Routes []RouteRows `json:"routes"`
	Canary int         `json:"canary,omitempty"` // rows of each route to be shown first; 0 once a person has seen them
}

// RouteRows is how many rows of a route wait.
type RouteRows struct {
	Route
	Waiting int64 `json:"waiting"`
}

// Waiting adds up what all routes wait for.
func (p BatchPlan) Waiting() int64 {
	var all int64
	for _, r := range p.Routes {
		all += r.Waiting
	}
	return all
}

// Dispatch is the input of the workflow that dispatches the shards of one route.
type Dispatch struct {
	Batch  string `json:"batch"`
	Route  Route  `json:"route"`
	Rows   int64  `json:"rows"`             // that waited at the beginning
	Canary int    `json:"canary,omitempty"` // see BatchPlan
	After  int    `json:"after"`            // the line behind which it goes on
}

// ShardSize is how many rows a shard of the route has: enough that what a shard
// costs hardly counts, and few enough that a fleet can share the route.
func (d Dispatch) ShardSize() int {
	const share, least = 8, 100
	return int(min(max(d.Rows/share, least), ShardRows))
}

// Cut is the input of the activity CutShards: the next shards behind a line, of at
// most so many rows each.
type Cut struct {
	Batch string `json:"batch"`
	Route Route  `json:"route"`
	After int    `json:"after"`
	Sizes []int  `json:"sizes"`
}

// ShardDone is the answer of the activity RunShard: all packed rows have ended.
type ShardDone struct {
	Detached bool `json:"detached,omitempty"` // some rows are to have workflows of their own
}

// ShardsCut is its answer. No shards: there are no more rows behind the line.
type ShardsCut struct {
	Shards []Shard `json:"shards,omitempty"`
	// Later says, where there are no shards, that rows of the route go last with their
	// serial keys and were left out.
	Later bool `json:"later,omitempty"`
}

// DetachedQuery is the input of the activity DetachedRows: the next rows of a shard
// that are to have workflows of their own.
type DetachedQuery struct {
	Shard   Shard  `json:"shard"`
	After   int    `json:"after"`
	AfterID string `json:"after_id,omitempty"` // an upload ID, among rows of one line
	// Last asks for rows that go last with their serial keys, and whose turn came after
	// the others had been read. The answer comes when there are such rows, or when none
	// can come any more.
	Last bool `json:"last,omitempty"`
}

// DetachedRows is its answer. No items: there are none left.
type DetachedRows struct {
	Items []Item `json:"items,omitempty"`
	Width int    `json:"width,omitempty"` // how many may be under way at once
	// Later says, where there are no items, that rows of the shard go last with their
	// serial keys and were left out.
	Later bool `json:"later,omitempty"`
}

// Finish is the input of the activity FinishBatch.
type Finish struct {
	Batch    string `json:"batch"`
	Canceled bool   `json:"canceled,omitempty"`
}

// BatchEnd is how a batch ended.
type BatchEnd struct {
	Batch   string          `json:"batch"`
	State   BatchState      `json:"state"`
	Counts  map[State]int64 `json:"counts"`
	Reports []string        `json:"reports,omitempty"` // where they are
	// More says that rows wait again: somebody has them retried.
	More bool `json:"more,omitempty"`
}

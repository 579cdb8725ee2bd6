package ledger

import (
	"strconv"
	"strings"
)

// Fragments of conditions on items.
const (
	// over: nothing more happens to the item. An unconfirmed one waits for a
	// person's word, after which the same run goes on.
	over = `('ready', 'failed', 'canceled')`
	// open is the condition of the index of that name, which a query must repeat
	// as it stands to be answered from it.
	open    = `phase IN ('waiting', 'work')`
	sameRun = `items.run_id = excluded.run_id`
	newRun  = `items.run_id <> excluded.run_id`
	// sameService: Temporal IDs mean nothing outside of their cluster and namespace.
	sameService = `items.cluster = excluded.cluster AND items.namespace = excluded.namespace`
	sameJob     = `(items.workflow_id = excluded.workflow_id AND ` + sameService + `)`
	// notFormer: the item was not taken from this very run, to be given to another.
	notFormer = `(items.former_run = '' OR items.former_run <> excluded.run_id)`
	// reopens: a late word on a step that is over must not reopen an item that
	// became unconfirmed; what comes after a decision starts with prepare.
	reopens = `(items.state <> 'unconfirmed' OR excluded.state NOT IN ('waiting', 'transferring', 'completing', 'processing'))`
)

// itemColumns are the columns of items in the order of row.args.
const itemColumns = `upload_id, batch, line, account, state, paused, kind, media_id, definition, fingerprint,
	workflow_id, run_id, runs, again, took_over, serial_key, serial_last, size, bytes_sent, started_at, queued_at, updated_at,
	item, result, phase, vendor, queue, declared, cluster, namespace, content, cause`

// itemWidth counts them.
const itemWidth = 32

// setPlace is where an item stands in its batch. Indexes hold it, and SQLite writes
// an entry anew whose columns are set, to whatever: a row that stands there
// already is better not told so.
const setPlace = `batch = excluded.batch, line = excluded.line, account = excluded.account, queue = excluded.queue,
	`

// mayHave keeps every run from an item that was canceled while no run held it, and
// shards from detached ones: their lists of rows may be older than that decision.
const mayHave = `NOT items.barred AND (NOT items.detached OR excluded.workflow_id NOT LIKE 'shard/%')`

// queuedAgain moves an item to the front that is claimed once more.
const queuedAgain = `queued_at = CASE WHEN items.runs > 0 AND ` + newClaim + ` THEN excluded.queued_at ELSE items.queued_at END,
	`

// onClaim gives an item to a run, where nothing stands against it, and leaves it
// alone otherwise. The cases are those of Ledger.Claim.
const onClaim = `
	vendor = excluded.vendor, declared = excluded.declared, definition = excluded.definition, fingerprint = excluded.fingerprint, content = excluded.content,
	workflow_id = excluded.workflow_id, run_id = excluded.run_id, cluster = excluded.cluster, namespace = excluded.namespace, again = excluded.again, took_over = excluded.took_over,
	serial_key = excluded.serial_key, serial_last = excluded.serial_last, size = excluded.size,
	updated_at = excluded.updated_at, item = excluded.item, waiting = '',
	state = CASE WHEN ` + newClaim + ` OR items.state IN ('waiting', 'unconfirmed') THEN excluded.state ELSE items.state END,
	phase = CASE WHEN ` + newClaim + ` OR items.state IN ('waiting', 'unconfirmed') THEN excluded.phase ELSE items.phase END,
	kind = CASE WHEN ` + newClaim + ` OR items.state = 'unconfirmed' THEN '' ELSE items.kind END,
	media_id = CASE WHEN ` + newClaim + ` THEN '' ELSE items.media_id END,
	paused = CASE WHEN ` + newClaim + ` THEN excluded.paused ELSE items.paused END,
	bytes_sent = CASE WHEN ` + newClaim + ` THEN 0 ELSE items.bytes_sent END,
	started_at = CASE WHEN NOT ` + newClaim + ` THEN items.started_at ELSE ` + laterStart + ` END,
	result = CASE WHEN ` + newClaim + ` THEN excluded.result ELSE items.result END,
	runs = CASE WHEN ` + newClaim + ` THEN items.runs + 1 ELSE items.runs END
WHERE ` + mayHave + ` AND ((items.run_id = '' AND items.state NOT IN ('ready', 'unconfirmed') AND ` + notFormer + `)
	OR (` + sameRun + ` AND items.state NOT IN ` + over + `)
	OR (` + sameRun + ` AND items.state IN ('failed', 'canceled') AND excluded.started_at > items.started_at)
	OR (` + newRun + ` AND items.state IN ('failed', 'canceled')
		AND (NOT ` + sameJob + ` OR excluded.started_at >= items.started_at))
	OR (` + newRun + ` AND ` + sameJob + ` AND items.state NOT IN ('ready', 'unconfirmed')
		AND excluded.started_at >= items.started_at)
	OR (excluded.again AND items.state = 'ready' AND excluded.started_at > items.started_at)
	OR (excluded.took_over <> '' AND items.run_id = excluded.took_over AND ` + sameService + ` AND items.state <> 'ready'))`

// newClaim: the claim is not merely the repeated one of a run under way.
const newClaim = `(` + newRun + ` OR items.state IN ` + over + `)`

// laterStart is when the run began to which an item is given, and always after the
// start of the run that had it before: runs begin in one order and come by an item
// in another, and the former holder may repeat its record, which counts if it is not
// the older one.
const laterStart = `CASE WHEN items.runs > 0 AND ` + newRun + ` AND items.started_at >= excluded.started_at
		THEN items.started_at + 1 ELSE excluded.started_at END`

// onState notes how far a run is. It never moves an item that is over, or that
// another run holds.
const onState = `
	state = excluded.state, phase = excluded.phase, paused = excluded.paused,
	kind = CASE WHEN items.state = 'unconfirmed' THEN '' ELSE items.kind END,
	workflow_id = excluded.workflow_id, run_id = excluded.run_id, cluster = excluded.cluster, namespace = excluded.namespace,
	runs = CASE WHEN items.runs = 0 THEN excluded.runs ELSE items.runs END,
	size = CASE WHEN excluded.size > 0 THEN excluded.size ELSE items.size END,
	bytes_sent = CASE WHEN excluded.bytes_sent > items.bytes_sent THEN excluded.bytes_sent ELSE items.bytes_sent END,
	updated_at = excluded.updated_at
WHERE items.run_id IN ('', excluded.run_id) AND items.state NOT IN ` + over + ` AND ` + reopens + `
	AND (items.run_id <> '' OR ` + notFormer + `)`

// stillUnconfirmed: the record repeats that nobody knows, as the run of such an item does
// now and then. A person wants to know since when.
const stillUnconfirmed = `(` + sameRun + ` AND items.state = 'unconfirmed' AND excluded.state = 'unconfirmed')`

// onRecord saves how an item ended. Which records count is said at Ledger.Record.
const onRecord = `
	vendor = excluded.vendor, declared = excluded.declared,
	state = excluded.state, phase = excluded.phase, paused = excluded.paused, kind = excluded.kind, cause = excluded.cause, media_id = excluded.media_id,
	definition = excluded.definition,
	fingerprint = CASE WHEN excluded.fingerprint <> '' THEN excluded.fingerprint ELSE items.fingerprint END,
	content = CASE WHEN excluded.fingerprint <> '' THEN excluded.content ELSE items.content END,
	workflow_id = excluded.workflow_id, run_id = excluded.run_id, cluster = excluded.cluster, namespace = excluded.namespace,
	runs = CASE WHEN ` + newRun + ` AND items.run_id <> '' THEN items.runs + 1
		WHEN items.runs = 0 THEN excluded.runs ELSE items.runs END,
	size = CASE WHEN excluded.size > 0 THEN excluded.size ELSE items.size END,
	bytes_sent = excluded.bytes_sent,
	updated_at = CASE WHEN ` + stillUnconfirmed + ` THEN items.updated_at ELSE excluded.updated_at END,
	started_at = CASE WHEN ` + sameRun + ` AND items.started_at > excluded.started_at
		THEN items.started_at ELSE excluded.started_at END,
	item = excluded.item, result = excluded.result, waiting = ''
WHERE NOT items.barred AND ((` + sameRun + ` AND items.state NOT IN ` + over + ` AND ` + reopens + `
		AND (excluded.run_id <> '' OR excluded.state <> 'waiting' OR items.state = 'waiting'))
	OR (` + sameRun + ` AND items.state IN ` + over + `
		AND (excluded.state IN ` + over + ` OR (excluded.run_id <> '' AND excluded.started_at > items.started_at)))
	OR (items.run_id = '' AND excluded.run_id <> '' AND items.state NOT IN ` + over + ` AND ` + counts + `)
	OR (` + newRun + ` AND excluded.run_id <> '' AND excluded.started_at >= items.started_at AND ` + counts + ` AND (
		(excluded.fingerprint <> '' AND excluded.kind <> 'invalid' AND ` + sameService + `)
		OR items.state IN ('failed', 'canceled')
		OR (` + sameJob + ` AND items.state NOT IN ('ready', 'unconfirmed')))))`

// statements are those that the writer runs for a number of rows at once.
type statements struct {
	claim, state, bytes, move, reopen, store, detach, record, refused, tally, tick, term string
	// These are for items that stand where they stood, and the claim for one
	// that nobody has claimed before.
	firstClaim, recordInPlace string
}

// newStatements puts them together, which is done once: it costs more than to
// run one.
func newStatements(n int) *statements {
	return &statements{
		claim: upsert(n, setPlace+queuedAgain+onClaim), firstClaim: upsert(n, onClaim),
		record: upsert(n, setPlace+onRecord), recordInPlace: upsert(n, onRecord),
		state: upsert(n, onState), bytes: countBytes(n),
		move: moveItems(n), reopen: reopenItem(), store: storeProgress(n), detach: detachItems(n), refused: refusedEntries(n),
		tally: addTallies(n), tick: addTicks(n), term: addTerms(n),
	}
}

// all lists them.
func (s *statements) all() []string {
	return []string{
		s.claim, s.state, s.bytes, s.move, s.reopen, s.store, s.detach, s.record, s.refused, s.tally, s.tick, s.term,
		s.firstClaim, s.recordInPlace,
	}
}

// counts: what is recorded of an item that nobody has is not the failure of the
// run from which it was taken.
const counts = `(items.run_id <> '' OR ` + notFormer + ` OR excluded.state = 'ready')`

// upsert is an insertion of n rows, with what is to be set where a row is there.
func upsert(n int, set string) string {
	return `INSERT INTO items (` + itemColumns + `) VALUES ` + tuples(n, itemWidth, nil) + `
ON CONFLICT (upload_id) DO UPDATE SET ` + set
}

// countBytes adds to what n runs have sent, and says that they are at work: arguments
// are upload ID, run ID, bytes, and the time. A missing row stays missing.
func countBytes(n int) string {
	return withRows(n, []string{"TEXT", "TEXT", "BIGINT", "BIGINT"}, `UPDATE items SET bytes_sent = {3}, updated_at = {4} {from}
WHERE items.upload_id = {1} AND items.run_id = {2} AND items.`+open+` AND items.bytes_sent <= {3}`)
}

// withRows completes a statement that is to be done for each of n rows of
// values: {1}, {2}, … are the columns of a row, and {from}, or {join} before
// another table, is where they come from. A single row is put into their places,
// because SQLite would make a table for it.
func withRows(n int, types []string, statement string) string {
	from := ""
	if n > 1 {
		// Unlike an insertion, this lets PostgreSQL see the values before it sees
		// what they are for, so that it has to be told their types.
		from = `(VALUES ` + tuples(n, len(types), types) + `) AS v`
		statement = strings.NewReplacer("{from}", "FROM "+from, "{join}", from+", ").Replace(statement)
	} else {
		statement = strings.NewReplacer("{from}", "", "{join}", "").Replace(statement)
	}
	for i, kind := range types {
		column := strconv.Itoa(i + 1)
		value := "v.column" + column
		if n == 1 {
			value = "CAST($" + column + " AS " + kind + ")"
		}
		statement = strings.ReplaceAll(statement, "{"+column+"}", value)
	}
	return statement
}

// tuples is n rows of placeholders, numbered through, cast to types where there
// are any.
func tuples(n, width int, types []string) string {
	var b strings.Builder
	for i := range n * width {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%width == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		placeholder := "$" + strconv.Itoa(i+1)
		if types != nil {
			placeholder = "CAST(" + placeholder + " AS " + types[i%width] + ")"
		}
		b.WriteString(placeholder)
	}
	b.WriteString(")")
	return b.String()
}

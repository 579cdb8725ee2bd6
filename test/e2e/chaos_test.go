//go:build chaos

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// chaos is one run: a catalogue for all vendors on its way, while everything goes wrong
// that can, by the choice of a seed. Afterwards three books are held against each
// other: the manifest, the results, and what the vendors have.
type chaos struct {
	*place
	box      control
	random   *rand.Rand
	fleet    *fleet     // nil for the embedded engine with its own worker
	up       *process   // hosts the engine
	line     upLine     // where it is
	worker   []*process // of the fleet
	database string     // its URL; "" for SQLite
	full     string     // a file that fills the disk; "" where there is no disk of our own
	done     map[string]int
	story    []string // what was done, and when
}

// tell adds to the story, which is printed where the run fails.
func (c *chaos) tell(format string, args ...any) {
	c.story = append(c.story, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// explain prints what was done, and the workflows that there are.
func (c *chaos) explain() {
	says(c.t, "what was done:\n%s", strings.Join(c.story, "\n"))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.t.Context()), 10*time.Second)
	defer cancel()
	lazy, err := client.NewLazyClient(c.line.strangers(c.t))
	if err != nil {
		return
	}
	defer lazy.Close()
	found, err := lazy.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType NOT IN ('trustana','trustoo','sitoo','closient','truvideo') OR ExecutionStatus = 'Running'"})
	if err != nil {
		says(c.t, "workflows: %v", err)
		return
	}
	for _, one := range found.GetExecutions() {
		says(c.t, "%s %s %s %s, began %s, ended %s", one.GetType().GetName(), one.GetExecution().GetWorkflowId(), one.GetExecution().GetRunId(), one.GetStatus(),
			one.GetStartTime().AsTime().Format(time.TimeOnly), one.GetCloseTime().AsTime().Format(time.TimeOnly))
	}
}

// allVendors are also the names of the accounts.
var allVendors = []string{"trustana", "trustoo", "sitoo", "closient", "truvideo"}

// TestChaos takes its seed from MEDIAFERRY_CHAOS_SEED, the number of items from
// MEDIAFERRY_CHAOS_ITEMS, how long things go wrong from MEDIAFERRY_CHAOS_LASTS, and
// runs a fleet with PostgreSQL where MEDIAFERRY_CHAOS_POSTGRES is set.
func TestChaos(t *testing.T) {
	seed := uint64(amount(t, "MEDIAFERRY_CHAOS_SEED", int(time.Now().UnixNano()%1_000_000)))
	items := amount(t, "MEDIAFERRY_CHAOS_ITEMS", 300)
	lasts := span(t, "MEDIAFERRY_CHAOS_LASTS", time.Minute)
	c := newChaos(t, seed)
	says(t, "seed %d, %d items; again with: make chaos SEED=%d", seed, items, seed)
	defer func() {
		says(t, "seed %d: %v", seed, c.done)
		if t.Failed() {
			c.explain()
			says(t, "seed %d FAILED; again with: make chaos SEED=%d", seed, seed)
		}
	}()
	catalogue := c.stock(items)
	c.start()
	c.insist("batch", "start", catalogue.manifest)
	c.rage(lasts)
	c.calm()
	c.settle(catalogue)
	c.audit(catalogue)
	c.search(catalogue)
}

func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	c := &chaos{place: newPlace(t), random: rand.New(rand.NewPCG(seed, 1)), done: map[string]int{}}
	c.box = c.place.box()
	if os.Getenv("MEDIAFERRY_CHAOS_POSTGRES") == "" {
		mount(t, c.data, 0, "size=600m")
		c.full = filepath.Join(c.data, "full")
		c.quick(c.box, "300ms", "")
		return c
	}
	c.box.unlimited("300ms")
	c.fleet = &fleet{place: c.place, box: c.box}
	return c
}

// stock writes the catalogue: images for all vendors, Closient's few, because it takes
// five calls a second, and films.
func (c *chaos) stock(items int) catalogue {
	c.t.Helper()
	few := max(items/15, 1)
	films := max(items/100, 1)
	rest := items - few - films
	made := c.catalogue("chaos", 20_000,
		share{"trustana", rest / 3}, share{"trustoo", rest / 3}, share{"sitoo", rest - rest/3*2}, share{"closient", few})
	for n := range films {
		made.add(c.t, "truvideo", fmt.Sprint("truvideo-", n), c.film(fmt.Sprint("chaos-", n, ".mp4"), int64(11+n)<<20))
	}
	return made
}

// start starts what hosts the engine, and the workers, as far as they do not run.
func (c *chaos) start() {
	c.t.Helper()
	flags := []string{"--log-level", "debug"}
	if c.fleet != nil {
		flags = append(flags, "--no-worker")
	}
	if c.up != nil && gone(c.up) {
		c.up = nil
	}
	if c.up == nil {
		env := c.env
		if c.fleet != nil && c.line.Temporal != "" {
			c.env = slices.DeleteFunc(slices.Clone(env), func(one string) bool {
				return strings.HasPrefix(one, "TEMPORAL_") || strings.HasPrefix(one, "MEDIAFERRY_DATA=") || strings.HasPrefix(one, "MEDIAFERRY_KEY=")
			})
			c.env = append(c.env, "MEDIAFERRY_DATA="+c.data)
		}
		c.up, c.line = c.place.up(flags...)
		c.env = env
	}
	if c.fleet == nil {
		return
	}
	if c.fleet.service.Temporal == "" {
		c.fleet.service = c.line
		// What it has said is committed must survive its crash, other than in other tests.
		c.database = ledgertest.Postgres(c.t)
		c.fleet.join(c.database+"&synchronous_commit=on", newKey(c.t))
	}
	c.worker = slices.DeleteFunc(c.worker, gone)
	for len(c.worker) < 2 {
		c.worker = append(c.worker, c.place.start("mediaferry-worker", "--listen", "127.0.0.1:0", "--log-level", "debug"))
	}
}

// gone reports whether a process has ended.
func gone(s *process) bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// insist runs a command again until it could run: nothing that it asks for is lost or
// done twice by that.
func (c *chaos) insist(args ...string) (stdout string) {
	c.t.Helper()
	for late := time.Now().Add(2 * time.Minute); ; {
		status, stdout, stderr := c.run(append(slices.Clone(args), "--log-level", "debug")...)
		if status == 0 || status == 3 {
			return stdout
		}
		require.Less(c.t, time.Now(), late, "mediaferry %s: %s%s", strings.Join(args, " "), stdout, stderr)
		time.Sleep(time.Second)
	}
}

// rage does one thing after the other, for a time.
func (c *chaos) rage(lasts time.Duration) {
	c.t.Helper()
	rules := c.rules()
	deeds := []struct { // not every fault is one of every call: the box refuses those
		name string
		odds int
		do   func()
	}{
		{"fault", 40, func() { c.box.send(http.MethodPost, "faults", []string{rules[c.random.IntN(len(rules))]}) }},
		{"outage", 6, c.outage},
		{"calm", 12, func() { c.box.faults() }},
		{"kill -9 of the worker", 5, c.killWorker},
		{"kill -9 of the engine", 4, c.killEngine},
		{"stop for a while", 3, c.stopForAWhile},
		{"disk full", 2, c.fillDisk},
		{"kill -9 of the database", 3, c.crashDatabase},
		{"reset", 5, c.reset},
		{"terminate", 3, c.terminate},
	}
	total := 0
	for _, d := range deeds {
		total += d.odds
	}
	for until := time.Now().Add(lasts); time.Now().Before(until); {
		n := c.random.IntN(total)
		for _, d := range deeds {
			if n -= d.odds; n < 0 {
				c.done[d.name]++
				c.tell("%s", d.name)
				d.do()
				break
			}
		}
		time.Sleep(time.Duration(200+c.random.IntN(1200)) * time.Millisecond)
		c.start()
	}
}

// rules are all the faults that pass by themselves, for each call that can have them.
func (c *chaos) rules() (rules []string) {
	c.t.Helper()
	whats := []string{
		"status=503", "status=500", "status=502", "status=429,retry-after=1", "status=408", "status=425", "page=403", "page=502", "page=200",
		"reset-before", "reset-after", "reset-in", "cut-answer", "cut-answer=20", "lost", "slow=2s", "not-json", "empty-body", "wrong-etag", "expired",
	}
	for vendor, calls := range c.calls() {
		for _, call := range calls {
			for _, what := range whats {
				rules = append(rules, fmt.Sprintf("%s.%s*%%d=%s", vendor, call, what))
			}
		}
	}
	slices.Sort(rules)
	for i, rule := range rules {
		rules[i] = fmt.Sprintf(rule, 1+c.random.IntN(6))
	}
	c.random.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
	return rules
}

// outage makes all calls of one vendor fail until the next calm.
func (c *chaos) outage() {
	vendor := allVendors[c.random.IntN(len(allVendors))]
	rules := []string{}
	for _, call := range c.calls()[vendor] {
		rules = append(rules, vendor+"."+call+"=status=503")
	}
	c.box.send(http.MethodPost, "faults", rules)
}

// calls are the calls of each vendor.
func (c *chaos) calls() map[string][]string {
	c.t.Helper()
	var index struct{ Calls map[string][]string }
	c.box.call(http.MethodGet, "", nil, &index)
	require.NotEmpty(c.t, index.Calls)
	return index.Calls
}

func (c *chaos) killWorker() {
	if c.fleet != nil {
		c.worker[0].kill()
		c.worker = c.worker[1:]
		return
	}
	c.up.kill()
	c.up = nil
}

func (c *chaos) killEngine() {
	if pid := c.place.engine().PID; pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// stopForAWhile does what a machine that sleeps does.
func (c *chaos) stopForAWhile() {
	stopped := c.up
	if c.fleet != nil {
		stopped = c.worker[0]
	}
	_ = stopped.cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(time.Duration(1+c.random.IntN(4)) * time.Second)
	_ = stopped.cmd.Process.Signal(syscall.SIGCONT)
}

func (c *chaos) fillDisk() {
	if c.full == "" {
		return
	}
	out, err := os.Create(c.full)
	require.NoError(c.t, err)
	_, _ = io.Copy(out, neverEnding{}) // until the disk is full
	_ = out.Close()
	time.Sleep(time.Duration(1+c.random.IntN(3)) * time.Second)
	require.NoError(c.t, os.Remove(c.full))
}

// crashDatabase kills one of the processes of PostgreSQL, which makes it start all of
// them again and recover from its log. SQLite goes with the processes that use it.
func (c *chaos) crashDatabase() {
	if c.database == "" {
		return
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.database)
	if err != nil {
		return // it is still recovering from the last time
	}
	defer func() { _ = conn.Close(ctx) }()
	_ = syscall.Kill(int(conn.PgConn().PID()), syscall.SIGKILL)
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

// open are workflows that run, as an operator sees them.
func (c *chaos) open(ctx context.Context) (service, []*commonpb.WorkflowExecution) {
	c.t.Helper()
	lazy, err := client.NewLazyClient(c.line.strangers(c.t)) // the engine may not be there now
	require.NoError(c.t, err)
	context.AfterFunc(ctx, lazy.Close)
	at := service{lazy, c.line.Namespace}
	found, err := at.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running'", PageSize: 100})
	if err != nil {
		return at, nil
	}
	var all []*commonpb.WorkflowExecution
	for _, one := range found.GetExecutions() {
		all = append(all, one.GetExecution())
	}
	return at, all
}

func (c *chaos) reset() {
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	at, all := c.open(ctx)
	if len(all) == 0 {
		return
	}
	one := all[c.random.IntN(len(all))]
	events := at.GetWorkflowHistory(ctx, one.GetWorkflowId(), one.GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var tasks []int64
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return
		}
		if event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			tasks = append(tasks, event.GetEventId())
		}
	}
	if len(tasks) == 0 {
		return
	}
	c.tell("reset %s", one.GetWorkflowId())
	_, _ = at.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: at.namespace, WorkflowExecution: one, Reason: "chaos",
		WorkflowTaskFinishEventId: tasks[c.random.IntN(len(tasks))], RequestId: fmt.Sprint(c.random.Uint64()),
	})
}

func (c *chaos) terminate() {
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	at, all := c.open(ctx)
	if len(all) == 0 {
		return
	}
	one := all[c.random.IntN(len(all))]
	c.tell("terminate %s", one.GetWorkflowId())
	_ = at.TerminateWorkflow(ctx, one.GetWorkflowId(), one.GetRunId(), "chaos")
}

// calm ends all that is wrong.
func (c *chaos) calm() {
	c.t.Helper()
	c.box.faults()
	c.start()
	for _, account := range allVendors {
		c.insist("account", "resume", account)
	}
}

// settle waits for the end, and runs again what ended badly: nothing stands in its way
// any more.
func (c *chaos) settle(made catalogue) {
	c.t.Helper()
	for round := 1; ; round++ {
		c.await()
		ends := c.counts()
		says(c.t, "round %d: %v", round, ends)
		if ends["ready"]+ends["unconfirmed"] == len(made.rows) {
			return
		}
		require.Less(c.t, round, 5, "rows that do not become ready: %v", ends)
		c.insist("batch", "retry", "chaos")
	}
}

// await waits until the batch has ended.
func (c *chaos) await() {
	c.t.Helper()
	var status struct {
		State      string
		InProgress int `json:"in_progress"`
		Waiting    int
	}
	for late := time.Now().Add(4 * time.Minute); ; time.Sleep(time.Second) {
		said := c.insist("batch", "status", "chaos", "--json")
		require.NoError(c.t, json.Unmarshal([]byte(said), &status), said)
		if status.State == "completed" && status.Waiting+status.InProgress == 0 {
			return
		}
		if time.Now().After(late) {
			require.Fail(c.t, "the batch does not end", said)
		}
	}
}

func (c *chaos) counts() map[string]int {
	c.t.Helper()
	n := map[string]int{}
	for _, line := range results(c.t, c.insist("batch", "report", "chaos", "--format", "jsonl")) {
		n[string(line.State)]++
	}
	return n
}

// audit holds the manifest, the results and the vendors' books against each other.
func (c *chaos) audit(made catalogue) {
	c.t.Helper()
	lines := results(c.t, c.insist("batch", "report", "chaos", "--format", "jsonl"))
	books := c.box.ledger()
	has, seen, unconfirmed := visible(books), map[string]bool{}, 0
	for _, line := range lines {
		row, known := made.rows[line.Item]
		require.True(c.t, known, "%s is in no manifest", line.Item)
		require.False(c.t, seen[line.Item], "%s is in the report twice", line.Item)
		seen[line.Item] = true
		media := has[row.vendor][row.sum]
		switch line.State {
		case upload.StateReady:
			if len(media) != 1 || media[0] != string(line.MediaID) {
				c.t.Errorf("%s is ready as %s; %s has %v", line.UploadID, line.MediaID, row.vendor, media)
			}
		case upload.StateUnconfirmed:
			unconfirmed++
			says(c.t, "%s is unconfirmed: %+v", line.UploadID, line.Error)
			if len(media) > 1 {
				c.t.Errorf("%s is unconfirmed; %s has %v", line.UploadID, row.vendor, media)
			}
		default:
			c.t.Errorf("%s is %s: %+v", line.UploadID, line.State, line.Error)
		}
	}
	require.Len(c.t, seen, len(made.rows), "rows of the manifest without a result")
	for vendor, media := range has {
		for sum, ids := range media {
			if !slices.ContainsFunc(lines, func(l upload.Result) bool {
				return made.rows[l.Item].sum == sum && made.rows[l.Item].vendor == vendor
			}) {
				c.t.Errorf("%s has %v, which nobody sent", vendor, ids)
			}
		}
	}
	if most := max(len(lines)/100, 1); unconfirmed > most {
		c.t.Errorf("%d of %d rows are unconfirmed, more than %d", unconfirmed, len(lines), most)
	}
	for _, group := range books.Duplicates() {
		c.t.Errorf("%s has %d media with the same bytes", group[0].Vendor, len(group))
	}
}

package contract

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/activities"
	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/samples"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/closient"
	"github.com/mediaferry/mediaferry/internal/sandbox/sitoo"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/workflows"
)

// world is the whole program at a sandbox of its own. The clock of the workflows
// skips all waiting; that of the program and its ledger is the same, and the
// sandbox, with all that it has handed out, ages along with it.
type world struct {
	t       *testing.T
	env     *testsuite.TestWorkflowEnvironment
	sandbox *sandbox.Sandbox
	ledger  *ledger.Ledger
	steps   *steps.Steps
	file    string // of the ledger
	dir     string // of the sources

	vendor string
	suite  suite
	start  time.Time
	aged   time.Duration // how much the sandbox was made to age
	skew   time.Duration // how much its clock is to differ

	// before is called when an activity of that name begins, with how many have
	// begun.
	before map[string]func(n int)
	begun  map[string]int
	// operate is what the operator does about a paused account, before he
	// resumes it.
	operate func()
	pauses  []pause
	// waited is called when an activity waits within its slot.
	waited  func()
	dead    map[string]bool // runs that ended without a word, and workflows that have no other
	planted []string        // what must not be seen, besides the credentials
	as      string          // the ID of the next workflow; "": the item's
	abrupt  bool            // canceling a workflow kills it
	origin  string          // of whoever stands in for the vendor; "": the sandbox answers

	mu       sync.Mutex
	config   *config.Config
	settings map[string]string // of the account, besides those in the configuration
	convert  bool              // the account converts pictures
}

// pause is what showed while an upload waited for its account.
type pause struct {
	status  upload.Status
	entry   ledger.Entry
	account ledger.AccountState
}

// newWorld makes a world for uploads to one vendor, whose processing takes no
// time and whose limits are off, unless change says otherwise.
func newWorld(t *testing.T, vendor string, change func(*sandbox.Settings)) *world {
	t.Helper()
	w := &world{
		t: t, vendor: vendor, suite: suites[vendor], dir: t.TempDir(), start: time.Now(),
		before: map[string]func(int){}, begun: map[string]int{}, operate: func() {}, waited: func() {}, dead: map[string]bool{},
		settings: map[string]string{},
	}
	settings := sandbox.DefaultSettings().Instant().Unlimited()
	sandbox.In[sitoo.Settings](&settings).SkipImages = true // converting them would take most of the time
	if change != nil {
		change(&settings)
	}
	var err error
	w.sandbox, err = sandbox.Start(t.Context(), sandbox.Options{Dir: t.TempDir(), Settings: &settings})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.sandbox.Close()) })
	w.reconfigure()

	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	w.env = suite.NewTestWorkflowEnvironment()
	w.env.SetStartTime(w.start)
	w.env.SetTestTimeout(10 * time.Minute)
	w.env.SetWorkerOptions(worker.Options{
		Interceptors: []interceptor.WorkerInterceptor{&asService{}}, DeadlockDetectionTimeout: time.Minute,
	})
	w.env.SetOnActivityStartedListener(w.begin)
	for _, all := range []map[string]any{workflows.Uploads(vendors.Names()), workflows.Batches(), workflows.Verifications()} {
		for name, flow := range all {
			w.env.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
		}
	}
	w.program()
	return w
}

// program puts the real activities over a ledger of their own.
func (w *world) program() {
	w.file = freshLedger(w.t)
	w.ledger = ledgertest.Open(w.t, w.file, ledger.Options{Now: w.env.Now})
	out := egress.New()
	w.t.Cleanup(out.CloseIdle)
	w.steps = &steps.Steps{
		Accounts: w, Ledger: w.ledger, Egress: out,
		Sources: sources.New(sources.Options{AllowPrivate: true, Egress: out}),
		Running: w.running, Owner: "contract", Log: zap.NewNop(), Now: w.env.Now, Wait: w.wait,
	}
	acts := &activities.Activities{
		Steps:  w.steps,
		Report: func(context.Context, string) ([]string, error) { return nil, nil },
	}
	acts.Register(w.env)
	acts.RegisterBatches(w.env)
	acts.RegisterShards(w.env)
}

// freshLedger names a ledger that nothing is in. Making its tables takes longer
// than most cases do, so they are made once.
func freshLedger(t *testing.T) string {
	t.Helper()
	empty, err := emptyLedger()
	require.NoError(t, err)
	name := ledgertest.SQLite(t)
	require.NoError(t, os.WriteFile(name, empty, 0o600))
	return name
}

var emptyLedger = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "contract-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	name := filepath.Join(dir, "ledger.db")
	l, err := ledger.Open(context.Background(), ledger.Options{URL: name, Sealer: noSealer{}})
	if err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
})

// noSealer is for a ledger in which nothing is written.
type noSealer struct{}

func (noSealer) Seal([]byte) ([]byte, error) { return nil, errors.New("nothing was to be sealed") }
func (noSealer) Open([]byte) ([]byte, error) { return nil, errors.New("nothing was to be opened") }

// reconfigure reads what the sandbox's credentials are now.
func (w *world) reconfigure() {
	file := filepath.Join(w.dir, "mediaferry.yaml")
	require.NoError(w.t, os.WriteFile(file, w.sandbox.Config(), 0o600))
	read, err := config.Load(file)
	require.NoError(w.t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.config = read
}

// Account resolves an account.
func (w *world) Account(name string) (spec.Account, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	account, err := w.config.Account(name)
	if err != nil {
		return account, err
	}
	account.Patience, account.Convert = patience, w.convert
	if w.origin != "" {
		account.BaseURL, account.LoginURL = w.origin, w.origin
	}
	account.Settings = maps.Clone(account.Settings)
	maps.Copy(account.Settings, w.settings)
	return account, nil
}

// patience is for how long these worlds wait an outage out.
const patience = 3 * time.Minute

// KeyFingerprint is the configuration's own.
func (w *world) KeyFingerprint(account spec.Account) string {
	return config.Fingerprint(codec.Keys{}, account)
}

func (w *world) running(_ context.Context, workflowID, runID string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if runID == "" { // any run of the workflow
		runID = workflowID
	}
	return !w.dead[runID], nil
}

// wait passes the time within an activity, in which the clock stands still.
func (w *world) wait(ctx context.Context, _ time.Duration) error {
	w.waited()
	return ctx.Err()
}

// begin lets the sandbox become as old as the workflow's clock says, and calls
// what the case has to do at this moment.
func (w *world) begin(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
	passed := w.env.Now().Sub(w.start)
	w.sandbox.Advance(passed - w.aged)
	w.aged = passed
	if w.vendor != "trustana" && w.vendor != "truvideo" { // whose URLs S3's own clock dates
		w.sandbox.Skew(w.env.Now().Sub(time.Now()) + w.skew)
	}
	name := info.ActivityType.Name
	w.begun[name]++
	if do := w.before[name]; do != nil {
		do(w.begun[name])
	}
	state, err := w.ledger.Account(w.t.Context(), w.vendor)
	require.NoError(w.t, err)
	if info.Attempt > 1 && state.Paused && asking[name] {
		id := info.WorkflowExecution.ID
		w.env.RegisterDelayedCallback(func() { w.paused(id) }, time.Millisecond)
	}
}

// asking are the activities that wait while their account is paused.
var asking = map[string]bool{
	upload.ActivityPrepare: true, upload.ActivityTransfer: true, upload.ActivityFind: true, upload.ActivityComplete: true,
	upload.ActivityPoll: true, upload.ActivitySignParts: true, upload.ActivitySendPart: true, upload.ActivityInspect: true,
}

// paused notes what a waiting upload shows, and resumes its account.
func (w *world) paused(uploadID string) {
	var p pause
	var err error
	p.status = w.status(uploadID)
	p.entry, err = w.ledger.Get(w.t.Context(), uploadID)
	require.NoError(w.t, err)
	p.account, err = w.ledger.Account(w.t.Context(), w.vendor)
	require.NoError(w.t, err)
	w.pauses = append(w.pauses, p)
	w.operate()
	_, err = w.ledger.ResumeAccount(w.t.Context(), w.vendor, "operator")
	require.NoError(w.t, err)
}

// credential is a value of the vendor's first set of credentials.
func (w *world) credential(name string) string {
	for _, c := range w.sandbox.Credentials() {
		if c.Vendor == w.vendor {
			return c.Values[name]
		}
	}
	return ""
}

// revoke makes the vendor refuse the credentials that the account has.
func (w *world) revoke() {
	require.NoError(w.t, w.sandbox.SetCredential(w.vendor, "default", sandbox.CredentialRevoked))
}

// rotate gets new credentials and writes them into the configuration.
func (w *world) rotate() {
	_, err := w.sandbox.RotateCredential(w.vendor)
	require.NoError(w.t, err)
	w.reconfigure()
}

// took is how much time has passed for the workflows.
func (w *world) took() time.Duration { return w.env.Now().Sub(w.start) }

// status asks the workflow of an item.
func (w *world) status(uploadID string) (status upload.Status) {
	value, err := w.env.QueryWorkflowByID(uploadID, upload.QueryStatus)
	require.NoError(w.t, err)
	require.NoError(w.t, value.Get(&status))
	return status
}

// fault puts rules in force.
func (w *world) fault(rules ...string) {
	for _, rule := range rules {
		require.NoError(w.t, w.sandbox.AddFaultText(rule))
	}
}

// sample is the bytes of the suite's sample.
func (w *world) sample() []byte {
	w.t.Helper()
	body, err := fs.ReadFile(samples.Files(), w.suite.sample)
	require.NoError(w.t, err)
	return body
}

// putImage puts an image of somebody else's onto Closient's product.
func (w *world) putImage(title string, body []byte) string {
	w.t.Helper()
	id, err := sandbox.Of[*closient.Vendor](w.sandbox).PutImage(closientOrganization, closientGTIN, title, false, body)
	require.NoError(w.t, err)
	return id
}

// item is one to be uploaded, of the suite's sample and fields.
func (w *world) item(id string) upload.Item {
	w.t.Helper()
	return w.itemOf(id, filepath.Ext(w.suite.sample), w.sample())
}

// itemOf is an item of the suite's fields with these bytes.
func (w *world) itemOf(id, extension string, body []byte) upload.Item {
	account, err := w.Account(w.vendor)
	require.NoError(w.t, err)
	source := filepath.Join(w.dir, id+extension)
	require.NoError(w.t, os.WriteFile(source, body, 0o600))
	return upload.Item{
		UploadID: upload.SingleUploadID(w.vendor, id), ID: id, Account: w.vendor, Vendor: w.vendor, Base: account.BaseURL,
		Source: source, Queue: upload.HostQueue("here", w.dir), Fields: maps.Clone(w.suite.fields),
	}
}

// end is how a run of an item ended.
type end struct {
	result upload.Result
	err    error
}

// run uploads one item.
func (w *world) run(item upload.Item) end {
	ends := w.drive(func(ctx workflow.Context, do func(upload.Item) workflow.ChildWorkflowFuture) {
		_ = do(item).Get(ctx, nil) // the end has it
	})
	require.Len(w.t, ends, 1)
	return ends[0]
}

// drive runs workflows of items in the order that script gives, as starters and
// batches would, and returns how they ended, in the order of their beginning.
func (w *world) drive(script func(workflow.Context, func(upload.Item) workflow.ChildWorkflowFuture)) []end {
	var futures []workflow.ChildWorkflowFuture
	var ends []end
	w.env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		script(ctx, func(item upload.Item) workflow.ChildWorkflowFuture {
			ctx := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
				WorkflowID: cmp.Or(w.as, item.UploadID), WaitForCancellation: !w.abrupt,
			})
			f := workflow.ExecuteChildWorkflow(ctx, item.Vendor, item)
			futures = append(futures, f)
			return f
		})
		for _, f := range futures {
			var e end
			e.err = f.Get(ctx, &e.result)
			var failed *temporal.ApplicationError
			if errors.As(e.err, &failed) {
				require.NoError(w.t, failed.Details(&e.result))
			}
			ends = append(ends, e)
		}
		return nil
	}, workflow.RegisterOptions{Name: "driver"})
	w.env.ExecuteWorkflow("driver")
	require.True(w.t, w.env.IsWorkflowCompleted())
	require.NoError(w.t, w.env.GetWorkflowError())
	return ends
}

// asService repeats activities as often as Temporal's service does. The test
// environment gives up after ten attempts of what has no limit.
type asService struct {
	interceptor.WorkerInterceptorBase
}

func (*asService) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &inbound{}
	in.Next = next
	return in
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &outbound{}
	out.Next = next
	return i.Next.Init(out)
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	options := workflow.GetActivityOptions(ctx)
	options.HeartbeatTimeout = 0 // real time, in this environment: a busy machine is no worker that died
	if options.RetryPolicy.MaximumAttempts == 0 {
		policy := *options.RetryPolicy
		policy.MaximumAttempts = 100_000
		options.RetryPolicy = &policy
	}
	return o.Next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), name, args...)
}

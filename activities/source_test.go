package activities

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// byName resolves every account as one of TruVideo's on this host, whose outages are
// waited out for a day.
type byName struct{}

func (byName) Account(name string) (spec.Account, error) {
	return spec.Account{Name: name, Vendor: "truvideo", Patience: 24 * time.Hour, Policy: egress.Policy{Private: true, Insecure: true}}, nil
}
func (byName) KeyFingerprint(spec.Account) string { return "" }

// newActivities are activities over a ledger of their own, with a clock that is
// ahead by some time.
func newActivities(t *testing.T, ahead time.Duration) *Activities {
	t.Helper()
	out := egress.New()
	t.Cleanup(out.CloseIdle)
	return &Activities{Steps: &steps.Steps{
		Accounts: byName{}, Ledger: ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{}), Log: zap.NewNop(),
		Sources: sources.New(sources.Options{}), Egress: out, Now: func() time.Time { return time.Now().Add(ahead) },
		Wait:    func(context.Context, time.Duration) error { return nil },
		Running: func(context.Context, string, string) (bool, error) { return true, nil },
	}}
}

// attemptAfter runs one attempt of an activity that is left something by those
// before, and returns what it leaves behind.
func attemptAfter(t *testing.T, before *upload.Heartbeat, do any, in ...any) (left *upload.Heartbeat, value converter.EncodedValue, err error) {
	t.Helper()
	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	if before != nil {
		env.SetHeartbeatDetails(*before)
	}
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		left = new(upload.Heartbeat)
		require.NoError(t, details.Get(left))
	})
	env.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: "attempt"})
	value, err = env.ExecuteActivity("attempt", in...)
	return left, value, err
}

// requireAgain wants a failure that Temporal repeats, and that counts for none.
func requireAgain(t *testing.T, err error) {
	t.Helper()
	var made *temporal.ApplicationError
	require.ErrorAs(t, err, &made)
	require.False(t, made.NonRetryable())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, made.Category())
	require.Positive(t, made.NextRetryDelay())
	require.LessOrEqual(t, made.NextRetryDelay(), time.Minute)
}

// requireFinal wants a failure that the workflow is told.
func requireFinal(t *testing.T, err error) *upload.Error {
	t.Helper()
	var made *temporal.ApplicationError
	require.ErrorAs(t, err, &made)
	require.True(t, made.NonRetryable())
	var e upload.Error
	require.NoError(t, made.Details(&e))
	return &e
}

// aPart is one part of a source of eleven bytes.
func aPart(t *testing.T, url string) upload.SendPart {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.gif")
	require.NoError(t, os.WriteFile(path, []byte("GIF89aworld"), 0o600))
	look, err := sources.New(sources.Options{}).Look(t.Context(), path)
	require.NoError(t, err)
	return upload.SendPart{
		Item:    upload.Item{UploadID: "upload/truvideo/a", Account: "truvideo", Vendor: "truvideo", Source: path},
		Content: upload.Content{Size: 11, Type: "image/gif", Fingerprint: look.Fingerprint}, Session: "s1", Part: upload.PartURL{Number: 2, URL: url}, Offset: 6, Size: 5,
	}
}

// A line that fails a part has it sent again by itself: without end as long as
// patience lasts, and so that the attempts before are not forgotten.
func TestASendThatTheLineFailedComesBackAndCountsForNothing(t *testing.T) {
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/slow":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code></Error>")
		case "/refused":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<Error><Code>EntityTooLarge</Code></Error>")
		case "/page":
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusForbidden)
		default:
			w.Header().Set("ETag", `"7d793037a0760186574b0282f2f435e7"`)
		}
	}))
	defer store.Close()
	for name, c := range map[string]struct {
		before *upload.Heartbeat
		url    string
		ahead  time.Duration
		slowed bool
		left   *upload.Heartbeat // where it comes back
		kind   upload.Kind       // where it does not; "": it went well
		code   string
	}{
		"nobody listens": {url: nobody.URL, left: &upload.Heartbeat{Retries: map[string]int{"unavailable": 1}}},
		"nobody has listened for a night": {
			before: &upload.Heartbeat{Away: time.Now(), Retries: map[string]int{"unavailable": 5000}},
			url:    nobody.URL, ahead: 8 * time.Hour, left: &upload.Heartbeat{Retries: map[string]int{"unavailable": 5001}},
		},
		"nobody has listened for a day": {
			before: &upload.Heartbeat{Away: time.Now(), Retries: map[string]int{"unavailable": 5000}},
			url:    nobody.URL, ahead: 25 * time.Hour, kind: upload.KindUnavailable,
		},
		"it was cut": {
			before: &upload.Heartbeat{Sent: 4, Wasted: 10, Retries: map[string]int{"reset": 1}},
			url:    store.URL + "/cut", left: &upload.Heartbeat{Wasted: 19, Retries: map[string]int{"reset": 2}},
		},
		"the store asks for less":        {url: store.URL + "/slow", kind: upload.KindUnavailable, code: upload.CodeSlowDown},
		"the store asks for even less":   {url: store.URL + "/slow", slowed: true, left: &upload.Heartbeat{Wasted: 5, Retries: map[string]int{"SlowDown": 1}}},
		"the store asks for it all day":  {before: &upload.Heartbeat{Away: time.Now()}, url: store.URL + "/slow", slowed: true, ahead: 25 * time.Hour, kind: upload.KindUnavailable, code: upload.CodeSlowDown},
		"the store refused":              {url: store.URL + "/refused", kind: upload.KindRejected, code: "EntityTooLarge"},
		"a page refused":                 {url: store.URL + "/page", left: &upload.Heartbeat{Wasted: 5, Retries: map[string]int{"unavailable": 1}}},
		"a page refuses after an outage": {before: &upload.Heartbeat{Away: time.Now()}, url: store.URL + "/page", ahead: time.Hour, left: &upload.Heartbeat{Wasted: 5, Retries: map[string]int{"unavailable": 1}}},
		"a page refuses to the end":      {before: &upload.Heartbeat{Strange: time.Now()}, url: store.URL + "/page", ahead: 11 * time.Minute, kind: upload.KindRejected},
		"it went well":                   {before: &upload.Heartbeat{Sent: 4, Wasted: 10, Retries: map[string]int{"reset": 1}}, url: store.URL},
	} {
		t.Run(name, func(t *testing.T) {
			a := newActivities(t, c.ahead)
			in := aPart(t, c.url)
			in.Slowed = c.slowed
			left, value, err := attemptAfter(t, c.before, a.SendPart, in)
			switch {
			case c.left != nil:
				requireAgain(t, err)
				require.NotNil(t, left)
				require.Equal(t, c.left.Wasted, left.Wasted)
				require.Equal(t, c.left.Retries, left.Retries)
				require.Zero(t, left.Sent, "the next attempt adds its own")
			case c.kind != "":
				e := requireFinal(t, err)
				require.Equal(t, c.kind, e.Kind)
				require.Equal(t, c.code, e.Code)
				require.NotNil(t, e.Receipt, "it tells what was sent in vain")
			default:
				require.NoError(t, err)
				var part upload.Part
				require.NoError(t, value.Get(&part))
				require.EqualValues(t, 14, part.Wasted)
				require.Equal(t, map[string]int{"reset": 1}, part.Retries)
			}
		})
	}
}

func TestAPartThatIsKeptIsToldWithoutACall(t *testing.T) {
	a := newActivities(t, 0)
	in := aPart(t, "https://s3.example/")
	kept := ledger.KeptPart{
		UploadID: in.Item.UploadID, Session: in.Session, Fingerprint: in.Content.Fingerprint,
		Part: upload.Part{Number: 2, Offset: 6, Size: 5, ETag: "aa", CRC64: "1"},
	}
	require.NoError(t, a.Ledger.KeepPart(t.Context(), kept))
	_, err := a.Ledger.PauseAccount(t.Context(), "truvideo", "401", upload.ByItself) // there is nothing to call
	require.NoError(t, err)
	_, value, err := attemptAfter(t, nil, a.SendPart, in)
	require.NoError(t, err)
	var part upload.Part
	require.NoError(t, value.Get(&part))
	require.Equal(t, kept.Part, part)

	in.Offset, in.Size = 0, 11 // of another plan: it is to be sent, when the account goes on
	_, _, err = attemptAfter(t, nil, a.SendPart, in)
	requireAgain(t, err)
	require.ErrorContains(t, err, "is paused")
}

func TestACallThatCouldNotBeMadeComesBackUntilPatienceIsOver(t *testing.T) {
	for _, step := range []upload.Step{upload.StepClaim, upload.StepTransfer, upload.StepPoll} {
		for ahead, again := range map[time.Duration]bool{0: true, 23 * time.Hour: true, 25 * time.Hour: false} {
			a := newActivities(t, ahead)
			left, _, err := attemptAfter(t, &upload.Heartbeat{Away: time.Now()}, func(ctx context.Context) error {
				e := upload.Errorf(upload.KindUnavailable, step, "there is no network")
				e.Code, e.Arrived = upload.CodeOffline, upload.ArrivedNothing
				return a.aside(ctx, upload.Item{Account: "truvideo", Vendor: "truvideo"}, step, e)
			})
			if again {
				requireAgain(t, err)
				require.False(t, left.Away.IsZero(), "the next attempt knows since when")
				continue
			}
			require.Equal(t, upload.KindUnavailable, requireFinal(t, err).Kind)
		}
	}
}

func TestWhatACallThatHasNoProgressComesTo(t *testing.T) {
	again, final := true, false
	for name, c := range map[string]struct {
		err    error
		again  bool
		paused bool
		kind   upload.Kind
	}{
		"it was too fast":           {upload.Errorf(upload.KindThrottled, upload.StepTransfer, "429"), again, false, ""},
		"its account is denied":     {upload.Errorf(upload.KindDenied, upload.StepTransfer, "401"), again, true, ""},
		"it was refused":            {upload.Errorf(upload.KindRejected, upload.StepTransfer, "400"), final, false, upload.KindRejected},
		"nobody understands what":   {errors.New("what"), final, false, upload.KindInternal},
		"something has changed":     {&steps.Later{Why: "the credentials have changed", After: time.Millisecond}, again, false, ""},
		"its account has been held": {&upload.Error{Kind: upload.KindDenied, Paused: true, Message: "account truvideo is paused"}, again, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newActivities(t, 0)
			_, _, err := attemptAfter(t, nil, func(ctx context.Context) error {
				return a.aside(ctx, upload.Item{Account: "truvideo", Vendor: "truvideo"}, upload.StepTransfer, c.err)
			})
			if c.again {
				requireAgain(t, err)
			} else {
				require.Equal(t, c.kind, requireFinal(t, err).Kind)
			}
			state, err := a.Ledger.Account(t.Context(), "truvideo")
			require.NoError(t, err)
			require.Equal(t, c.paused, state.Paused)
		})
	}
}

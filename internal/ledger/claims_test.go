package ledger_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// claimCase is what happened to an item, and what a later claim is answered.
type claimCase struct {
	name string
	// past is what happened before, by run one, which began at noon.
	past func(t *testing.T, l *ledger.Ledger, item upload.Item)
	// ask changes the claim of run two, an hour later, of the same workflow.
	ask  func(*ledger.ClaimRequest)
	want ledger.Outcome
}

func claimedByOne(t *testing.T, l *ledger.Ledger, item upload.Item) {
	grant(t, l, asks(item, "one", noon))
}

func endedByOne(state upload.State) func(*testing.T, *ledger.Ledger, upload.Item) {
	return func(t *testing.T, l *ledger.Ledger, item upload.Item) {
		claimedByOne(t, l, item)
		record(t, l, ended(item, "one", noon, state))
	}
}

func again(r *ledger.ClaimRequest)              { r.Item.Again = true }
func otherContent(r *ledger.ClaimRequest)       { r.Content.Fingerprint = "1001 bytes, ETag e2" }
func otherFields(r *ledger.ClaimRequest)        { r.Item.Fields = upload.Fields{"skuIds": []any{"s3"}} }
func signedAnew(r *ledger.ClaimRequest)         { r.Item.Source += "&X-Amz-Date=20270101" }
func otherWorkflow(r *ledger.ClaimRequest)      { r.WorkflowID = "shard/7" }
func byOne(r *ledger.ClaimRequest)              { r.RunID, r.StartedAt = "one", noon }
func byOneLater(r *ledger.ClaimRequest)         { r.RunID = "one" }
func earlier(r *ledger.ClaimRequest)            { r.StartedAt = noon.Add(-time.Second) }
func fromOne(r *ledger.ClaimRequest)            { r.TakeOver = "one" }
func fromThree(r *ledger.ClaimRequest)          { r.TakeOver = "three" }
func withoutFingerprint(r *ledger.ClaimRequest) { r.Content.Fingerprint = "" }

func all(changes ...func(*ledger.ClaimRequest)) func(*ledger.ClaimRequest) {
	return func(r *ledger.ClaimRequest) {
		for _, change := range changes {
			change(r)
		}
	}
}

func claimCases() []claimCase {
	ready, failed := endedByOne(upload.StateReady), endedByOne(upload.StateFailed)
	unconfirmed := endedByOne(upload.StateUnconfirmed)
	return []claimCase{
		{"an item of which nothing is known is granted", nil, all(), ledger.Granted},
		{"a claim may be repeated", claimedByOne, byOne, ledger.Granted},
		{"a new run of the same workflow follows the former one", claimedByOne, all(), ledger.Granted},
		{"a late attempt of a former run comes too late", claimedByOne, earlier, ledger.Busy},
		{"a run of another workflow is told who is at it", claimedByOne, otherWorkflow, ledger.Busy},
		{"a dead run is taken over from", claimedByOne, all(otherWorkflow, fromOne), ledger.Granted},
		{"a run that is not the dead one keeps its item", claimedByOne, all(otherWorkflow, fromThree), ledger.Busy},
		{"again does not take an item from who is at it", claimedByOne, all(otherWorkflow, again), ledger.Busy},

		{"a failed item is granted", failed, all(), ledger.Granted},
		{"a failed item is granted to another workflow", failed, otherWorkflow, ledger.Granted},
		{"a failed item is granted with another definition", failed, otherFields, ledger.Granted},
		{"a run that recorded its failure may begin once more", failed, byOneLater, ledger.Granted},
		{"a canceled item is granted", endedByOne(upload.StateCanceled), all(), ledger.Granted},

		{"a ready item is known", ready, all(), ledger.Known},
		{"a ready item is known to another workflow", ready, otherWorkflow, ledger.Known},
		{"a ready item is known whose source was signed anew", ready, signedAnew, ledger.Known},
		{"a ready item is known whose content nobody can tell", ready, withoutFingerprint, ledger.Known},
		{"a ready item is known to the run that made it", ready, byOne, ledger.Known},
		{"a ready item is known to the run that made it again", ready, all(byOne, again), ledger.Known},
		{"a ready item is known to who wanted to take it over", ready, all(otherWorkflow, fromOne), ledger.Known},
		{"a ready item has changed with its content", ready, otherContent, ledger.Changed},
		{"a ready item has changed with its definition", ready, otherFields, ledger.Changed},
		{"a ready item is made again", ready, again, ledger.Granted},
		{"a ready item is made again with other content", ready, all(again, otherContent), ledger.Granted},
		{"again is no reason for a run that began before", ready, all(again, earlier), ledger.Known},

		{"an unconfirmed item waits", unconfirmed, all(), ledger.Unconfirmed},
		{"an unconfirmed item waits for who wants it again", unconfirmed, again, ledger.Unconfirmed},
		{"an unconfirmed item waits for other workflows", unconfirmed, otherWorkflow, ledger.Unconfirmed},
		{"an unconfirmed item goes on with its own run", unconfirmed, byOne, ledger.Granted},
		{"an unconfirmed item is taken over from a dead run", unconfirmed, all(otherWorkflow, fromOne), ledger.Granted},

		{"an announced item is granted", func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			record(t, l, upload.Record{Item: item, Result: upload.NewResult(item, upload.WayPacked, noon)})
		}, all(), ledger.Granted},
		{"an item that is only known from marks is busy", func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			require.NoError(t, l.UpdateState(t.Context(), at(item, "one", upload.StateTransferring)))
		}, otherWorkflow, ledger.Busy},
		{"an item that is ready from elsewhere is known", func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			record(t, l, ended(item, "", noon, upload.StateReady))
		}, all(), ledger.Known},
	}
}

func TestClaimIsAnswered(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{Now: newClock().Now})
		for line, c := range claimCases() {
			t.Run(c.name, func(t *testing.T) {
				item := spring(line + 1)
				if c.past != nil {
					c.past(t, l, item)
				}
				request := asks(item, "two", noon.Add(time.Hour))
				c.ask(&request)
				answer := claim(t, l, request)
				require.Equal(t, c.want, answer.Outcome)
				if c.want == ledger.Granted {
					require.Equal(t, request.RunID, get(t, l, item).RunID)
					return
				}
				require.Equal(t, get(t, l, item), answer.Entry)
				require.NotEqual(t, "two", answer.Entry.RunID, "a refused claim must not leave its run behind")
			})
		}
	})
}

func TestGrantedClaimBeginsAnew(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		item := spring(1)
		grant(t, l, asks(item, "one", noon))
		record(t, l, ended(item, "one", noon, upload.StateFailed))

		now.Add(time.Hour)
		later := noon.Add(time.Hour)
		grant(t, l, asks(item, "two", later))
		e := get(t, l, item)
		want := upload.NewResult(item, upload.WayOwn, later)
		want.State, want.WorkflowID, want.Size = upload.StatePreparing, upload.Text(item.UploadID), 1000
		require.Equal(t, want, e.Result)
		require.Equal(t, 2, e.Runs)
		require.Equal(t, later, e.QueuedAt)
		require.Equal(t, later, e.StartedAt)
		require.Equal(t, content.Fingerprint, e.Fingerprint)
		require.True(t, e.AskedFor(item))
	})
}

func TestRepeatedClaimLeavesWhatTheRunDid(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		item := spring(1)
		grant(t, l, asks(item, "one", noon))
		m := at(item, "one", upload.StateTransferring)
		m.BytesSent, m.Paused = 600, true
		require.NoError(t, l.UpdateState(t.Context(), m))

		now.Add(time.Minute)
		grant(t, l, asks(item, "one", noon))
		e := get(t, l, item)
		require.Equal(t, upload.StateTransferring, e.Result.State)
		require.True(t, e.Result.Paused)
		require.EqualValues(t, 600, e.Result.BytesSent)
		require.Equal(t, 1, e.Runs)
		require.Equal(t, noon, e.QueuedAt)
	})
}

func TestLateAttemptDoesNotReopenAFailure(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		// The activity that claims starts a little after the workflow does, by
		// whose clock the result is dated.
		scheduled := noon.Add(time.Second)
		grant(t, l, asks(item, "one", scheduled))
		record(t, l, ended(item, "one", noon, upload.StateFailed))
		grant(t, l, asks(item, "one", scheduled))
		e := get(t, l, item)
		require.Equal(t, upload.StateFailed, e.Result.State)
		require.Equal(t, noon, e.Result.StartedAt.Time)
	})
}

func TestItemKeepsItsFirstPlaceUntilItIsGranted(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		item := spring(1)
		record(t, l, upload.Record{Item: item, Result: upload.NewResult(item, upload.WayPacked, noon)})
		now.Add(time.Hour)
		grant(t, l, asks(item, "one", noon.Add(time.Hour)))
		require.Equal(t, noon, get(t, l, item).QueuedAt)
	})
}

func TestClaimShardAnswersInOrder(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		var requests []ledger.ClaimRequest
		var records []upload.Record
		for line := 1; line <= 701; line++ {
			requests = append(requests, asks(spring(line), "one", noon))
			if line%3 == 0 {
				records = append(records, ended(spring(line), "one", noon, upload.StateReady))
			}
		}
		claims, err := l.ClaimAll(t.Context(), requests)
		require.NoError(t, err)
		require.Len(t, claims, 701)
		recordAll(t, l, records)

		for i := range requests {
			requests[i].RunID, requests[i].StartedAt, requests[i].WorkflowID = "two", noon.Add(time.Hour), "shard/1"
		}
		// One item twice in a shard, as a manifest with a line twice has it.
		requests = append(requests, requests[0], requests[2])
		claims, err = l.ClaimAll(t.Context(), requests)
		require.NoError(t, err)
		for i, c := range claims {
			want := ledger.Busy
			if requests[i].Item.Line%3 == 0 {
				want = ledger.Known
			}
			require.Equal(t, want, c.Outcome, "line %d", requests[i].Item.Line)
			require.Equal(t, requests[i].Item.UploadID, c.Entry.Result.UploadID)
		}
	})
}

func TestClaimWithoutIdentityIsRefused(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	for name, change := range map[string]func(*ledger.ClaimRequest){
		"no upload ID":   func(r *ledger.ClaimRequest) { r.Item.UploadID = "" },
		"no run":         func(r *ledger.ClaimRequest) { r.RunID = "" },
		"no workflow":    func(r *ledger.ClaimRequest) { r.WorkflowID = "" },
		"no time of day": func(r *ledger.ClaimRequest) { r.StartedAt = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			request := asks(spring(1), "one", noon)
			change(&request)
			_, err := l.Claim(t.Context(), request)
			require.ErrorContains(t, err, "a claim needs")
		})
	}
}

// Many workflows of several processes want the same items at once: each item is
// granted to exactly one of them, and all others are told to which.
func TestOneOfManyIsGranted(t *testing.T) {
	const processes, runs, items = 3, 8, 40
	ledgertest.Each(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		granted := map[string][]string{}
		told := map[string]map[string]bool{}
		var all sync.WaitGroup
		for p := range processes {
			l := ledgertest.Open(t, url, ledger.Options{})
			for r := range runs {
				all.Go(func() {
					run := fmt.Sprintf("run-%d-%d", p, r)
					for n := range items {
						// Each begins elsewhere, so that they meet in all ways.
						item := spring((n+5*r)%items + 1)
						request := asks(item, run, noon)
						request.WorkflowID = "workflow/" + run
						answer, err := l.Claim(t.Context(), request)
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						if answer.Outcome == ledger.Granted {
							granted[item.UploadID] = append(granted[item.UploadID], run)
						} else {
							if told[item.UploadID] == nil {
								told[item.UploadID] = map[string]bool{}
							}
							told[item.UploadID][answer.Entry.RunID] = true
						}
						mu.Unlock()
					}
				})
			}
		}
		all.Wait()
		require.Len(t, granted, items)
		for id, runs := range granted {
			require.Len(t, runs, 1, id)
			require.Equal(t, map[string]bool{runs[0]: true}, told[id], id)
		}
	})
}

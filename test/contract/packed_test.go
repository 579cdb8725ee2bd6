package contract

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// TestEveryAnswerOfEveryCallLeadsAPackedRowWhereItsTableSays goes through the
// failure tables once more with a row of a batch, which may travel packed to its
// end or be handed over to a workflow of its own on the way: the vendor must not
// see which.
func TestEveryAnswerOfEveryCallLeadsAPackedRowWhereItsTableSays(t *testing.T) {
	for _, one := range vendors.All() {
		vendor := one.Spec().Name
		if one.Spec().Packing == nil {
			continue
		}
		for _, c := range suites[vendor].calls {
			if c.arrange != nil { // what leads there is told of an upload alone
				continue
			}
			for _, a := range c.answers {
				for _, x := range a.means(place{suites[vendor], c}) {
					if x.want.pauses > 0 { // TestADeniedAccountStopsItsBatchAndLosesNothing has that
						continue
					}
					t.Run(strings.Join(strings.Fields(vendor+" "+c.name+" "+a.name+" "+x.name), " "), func(t *testing.T) {
						t.Parallel()
						packedMeets(t, vendor, c, a, x)
					})
				}
			}
		}
	}
}

func TestRowsOfAPolicyThatRanOutAskForAnotherOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustoo", nil)
	w.fault("trustoo.post#1=expired")
	items := w.load(3, nil)
	_, results := w.runBatch()
	w.verifyRows(items, results)
	w.verifyRequests(requests{"policy": 2, "post": 4}, "")
}

func TestAPackedRowWaitsAsLongAsItIsAskedTo(t *testing.T) {
	for fault, least := range map[string]time.Duration{
		"trustana.prepare#1*3=status=503,retry-after=30":           90 * time.Second,
		"trustana.put#1*3=status=503,code=SlowDown,retry-after=20": time.Minute,
		"trustana.put#1=status=429,retry-after=40":                 40 * time.Second,
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "trustana", nil)
			w.fault(fault)
			items := w.load(1, nil)
			_, results := w.runBatch()
			w.verifyRows(items, results)
			require.GreaterOrEqual(t, w.took(), least)
		})
	}
}

func packedMeets(t *testing.T, vendor string, c call, a answer, x example) {
	w := newWorld(t, vendor, nil)
	times := ""
	if x.times > 0 {
		times = fmt.Sprintf("#1*%d", x.times)
	}
	w.fault(vendor + "." + c.name + times + "=" + a.fault)
	items := w.load(1, nil)
	_, results := w.runBatch()
	result := results[items[0].UploadID]
	why := fmt.Sprintf("%+v", result.Error)
	require.Equal(t, x.want.state, result.State, why)
	if x.want.kind != "" {
		require.NotNil(t, result.Error)
		require.Equal(t, x.want.kind, result.Error.Kind, why)
	}
	w.verifyRequests(x.want.requests, why)
	w.verifyMedia(items[0], end{result: result}, x.want.media)
	require.Empty(t, w.sandbox.Ledger().Violations)
	require.Equal(t, upload.StateReady == result.State, result.Error == nil)
}

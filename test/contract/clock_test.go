package contract

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Whose clock is wrong does not matter to an upload: neither the vendor's, nor
// that of those who date its answers, nor that of those who sign for it.
func TestAWrongClockCostsNoRequest(t *testing.T) {
	// grants are the calls that hand out something that ends.
	grants := map[string]string{"trustana": "prepare", "trustoo": "policy", "sitoo": "upload-url", "truvideo": "start"}
	for vendor, call := range grants {
		usual := want{state: upload.StateReady, requests: suites[vendor].usual, media: 1}
		var stories []story
		for _, off := range []time.Duration{9 * time.Minute, 15*time.Minute - 3*time.Second, 20 * time.Minute, -20 * time.Minute} {
			dated := fmt.Sprintf("%s.%s=clock-skew=%s", vendor, call, off)
			stories = append(stories, story{
				name: fmt.Sprintf("%s is dated %s off", call, off), faults: []string{dated}, want: usual,
			}, story{
				name: fmt.Sprintf("%s is signed by a clock that is %s off, and dated right", call, -off), faults: []string{dated},
				arrange: func(w *world) {
					w.skew = -off
					w.sandbox.Skew(w.skew)
					if vendor == "trustoo" { // signed headers would need the clock, too
						w.settings["access_token"] = w.credential("access_token")
					}
				},
				want: usual,
			})
		}
		tell(t, vendor, stories)
	}
}

// A date counts from the answer's own, whatever our clock says.
func TestAWaitUntilADateIsMeasuredByTheClockThatSaidIt(t *testing.T) {
	for _, off := range []time.Duration{0, time.Hour, -time.Hour} {
		tell(t, "sitoo", []story{{
			name: fmt.Sprintf("the vendor's clock is %s off", off), faults: []string{"sitoo.get#1=status=429,retry-after-date=9s"},
			arrange: func(w *world) { w.skew = off },
			want:    want{state: upload.StateReady, requests: suites["sitoo"].usual.plus(requests{"get": 1}), media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), 9*time.Second)
				require.Less(w.t, w.took(), time.Minute)
			},
		}})
	}
}

// What was not there before is ours, by whatever clock it was made.
func TestALostImageIsFoundByAnyClock(t *testing.T) {
	found := requests{"list": 2, "post": 1, "image": 1}
	for _, off := range []time.Duration{20 * time.Minute, -20 * time.Minute} {
		tell(t, "closient", []story{
			{
				name: fmt.Sprintf("the list is dated %s off", off), faults: []string{"closient.post#1=lost", "closient.list=clock-skew=" + off.String()},
				want: want{state: upload.StateReady, requests: found, media: 1},
			},
			{
				name: fmt.Sprintf("the vendor's clock is %s off", off), faults: []string{"closient.post#1=lost"},
				arrange: func(w *world) { w.skew = off },
				want:    want{state: upload.StateReady, requests: found, media: 1},
			},
		})
	}
}

package contract

import (
	"fmt"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/upload"
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

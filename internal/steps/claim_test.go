package steps

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

func TestWhatWasDoneBeforeGoesOnWhereItsSourceIsTheSame(t *testing.T) {
	content := upload.Content{Size: 100, Fingerprint: "f"}
	sent := upload.Progress{Content: content, Next: upload.StepPoll, SentAt: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Idle: true, BytesSent: 100}
	sending := upload.Progress{Content: content, Next: upload.StepTransfer, Session: upload.Session{ID: "old"}}
	for name, c := range map[string]struct {
		vendor  string
		was     upload.Progress
		is      string
		do      flow.Do
		arrived bool
		refused bool
	}{
		"its bytes were sent":                            {vendor: "trustana", was: sent, is: "f", do: flow.DoPoll},
		"its bytes were on their way, which may be sent": {vendor: "trustana", was: sending, is: "f", do: flow.DoSend, arrived: true},
		"its bytes were on their way, which make a copy": {vendor: "sitoo", was: sending, is: "f", do: flow.DoFind, arrived: true},
		"nothing was done":                               {vendor: "trustana", is: "f", do: flow.DoPrepare},
		"its source changed before anything was sent": {
			vendor: "trustana", was: upload.Progress{Content: content, Next: upload.StepTransfer, Session: upload.Session{ID: "old"}, Idle: true}, is: "g", do: flow.DoPrepare,
		},
		"its source changed after its bytes were sent": {vendor: "trustana", was: sent, is: "g", refused: true},
		"its source changed after they may have arrived": {
			vendor: "trustana", was: upload.Progress{Content: content, Next: upload.StepTransfer, Arrived: true, Idle: true}, is: "g", refused: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := metered(t)
			vendor, err := vendors.Find(c.vendor)
			require.NoError(t, err)
			claimed := upload.Claimed{
				Progress: upload.Progress{Content: upload.Content{Size: 100, Fingerprint: c.is}},
				Terms:    upload.Terms{Policy: vendor.Spec().Policy},
			}
			item := upload.Item{UploadID: "batch/spring/a", Vendor: c.vendor, Resume: &upload.Resume{Progress: c.was, Because: "travels alone"}}
			err = s.resume(item, &claimed)
			p := claimed.Progress
			require.Contains(t, p.Notes, "travels alone")
			if c.refused {
				require.Equal(t, upload.KindMissing, upload.KindOf(err))
				require.NotEmpty(t, upload.AsError(err, "").Hint)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.do, flow.Flow{Policy: claimed.Terms.Policy, Seed: item.UploadID}.Next(&p).Do)
			require.Equal(t, c.arrived, p.Arrived)
			require.Equal(t, c.is, p.Content.Fingerprint)
		})
	}
}

package contract

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/sitoo"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// rereads are what each vendor's medium is compared by, once it is ready.
var rereads = map[string][]string{
	"trustana": {"fileId", "size", "originalName", "format"},
	"trustoo":  {"address", "bytes", "sha256"},
	"sitoo":    {"file_id", "status", "entity_type", "entity_id", "content_type", "address", "bytes"},
	"closient": {"id", "title", "address", "bytes", "sha256"},
	"truvideo": {"mediaId", "status", "sanitizedTitle", "address"},
}

// reread uploads an item, and asks the vendor for its medium after a while.
func (w *world) reread(after time.Duration, change func(upload.Result)) upload.Verification {
	w.t.Helper()
	item := w.item("a")
	ended := w.run(item)
	require.Equal(w.t, upload.StateReady, ended.result.State)
	if after > 0 {
		w.sandbox.Advance(after)
		w.sandbox.Skew(after)
	}
	now := w.env.Now().Add(after)
	w.steps.Now = func() time.Time { return now }
	if change != nil {
		change(ended.result)
	}
	of, err := w.steps.Finished(w.t.Context(), item.UploadID)
	require.NoError(w.t, err)
	v, err := w.steps.Verify(w.t.Context(), of)
	require.NoError(w.t, err)
	return v
}

func TestAFinishedMediumIsComparedWithWhatWasSent(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		v := w.reread(0, nil)
		require.Equal(t, upload.OutcomeSame, v.Outcome, "%+v", v)
		var what []string
		for _, c := range v.Compared {
			what = append(what, c.What)
			require.NotEqual(t, upload.OutcomeDiffers, c.Outcome, "%+v", c)
		}
		require.Equal(t, rereads[vendor], what)
		require.NotEmpty(t, v.Asked)
		require.True(t, v.Good())
		require.Empty(t, w.sandbox.Ledger().Violations)
		for _, asked := range v.Asked {
			require.NotContains(t, asked, "?", "no signature is told")
		}
	})
}

func TestTheMediumOfAPackedRowIsComparedToo(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		one, err := vendors.Find(vendor)
		require.NoError(t, err)
		if one.Spec().Packing == nil {
			return
		}
		w := newWorld(t, vendor, nil)
		items := w.load(1, nil)
		_, results := w.runBatch()
		w.verifyRows(items, results)
		of, err := w.steps.Finished(t.Context(), items[0].UploadID)
		require.NoError(t, err)
		v, err := w.steps.Verify(t.Context(), of)
		require.NoError(t, err)
		require.Equal(t, upload.OutcomeSame, v.Outcome, "%+v", v)
		require.NotContains(t, string(v.Reason), "no longer", "the session is known")
	})
}

func TestAMediumThatChangedOrIsGoneIsTold(t *testing.T) {
	for _, c := range []struct {
		name, vendor string
		faults       []string
		change       func(*world, upload.Result)
		after        time.Duration
		want         upload.Outcome
		says         string
	}{
		{name: "trustana tells another size", vendor: "trustana", faults: []string{"trustana.status=wrong-size"}, want: upload.OutcomeDiffers},
		{name: "trustana's image is at its address, too", vendor: "trustana", after: time.Hour, want: upload.OutcomeSame},
		{name: "trustana has forgotten the upload, and its image is there", vendor: "trustana", faults: []string{"trustana.status=status=404"}, want: upload.OutcomeSame, says: "no longer knows"},
		{name: "trustana has forgotten the upload, and its image is gone", vendor: "trustana", faults: []string{"trustana.status=status=404", "trustana.final=status=404"}, want: upload.OutcomeGone},
		{name: "trustoo's object is gone", vendor: "trustoo", faults: []string{"trustoo.object=status=404"}, want: upload.OutcomeGone},
		{name: "trustoo's object is not for everybody any more", vendor: "trustoo", faults: []string{"trustoo.object=status=403"}, want: upload.OutcomeUnknown},
		{
			name: "sitoo has lost the file", vendor: "sitoo", want: upload.OutcomeGone,
			change: func(w *world, r upload.Result) {
				require.True(w.t, sandbox.Of[*sitoo.Vendor](w.sandbox).Lose(string(r.MediaID)))
			},
		},
		{name: "sitoo's download is not for everybody", vendor: "sitoo", faults: []string{"sitoo.download=status=403"}, want: upload.OutcomeSame},
		{
			name: "somebody deleted closient's image", vendor: "closient", want: upload.OutcomeGone,
			change: func(w *world, r upload.Result) { w.deleteImage(string(r.MediaID)) },
		},
		{name: "closient lists an image that it does not have", vendor: "closient", faults: []string{"closient.image=status=404"}, want: upload.OutcomeDiffers},
		{name: "truvideo has forgotten the session, and its file is there", vendor: "truvideo", faults: []string{"truvideo.status=status=400"}, want: upload.OutcomeSame, says: "no longer knows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.vendor, nil)
			v := w.reread(c.after, func(r upload.Result) {
				w.fault(c.faults...)
				if c.change != nil {
					c.change(w, r)
				}
			})
			require.Equal(t, c.want, v.Outcome, "%+v", v)
			require.Contains(t, string(v.Reason), c.says)
		})
	}
}

func TestAReadingThatCannotBeMadeNowIsMadeAgain(t *testing.T) {
	for vendor, rule := range map[string]string{
		"trustana": "trustana.status=status=503", "trustoo": "trustoo.object=status=503", "sitoo": "sitoo.get=status=503",
		"closient": "closient.image=status=503", "truvideo": "truvideo.status=status=503",
	} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, vendor, nil)
			item := w.item("a")
			require.Equal(t, upload.StateReady, w.run(item).result.State)
			w.fault(rule)
			of, err := w.steps.Finished(t.Context(), item.UploadID)
			require.NoError(t, err)
			_, err = w.steps.Verify(t.Context(), of)
			require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
		})
	}
}

func TestOnlyWhatIsReadyIsReadAgain(t *testing.T) {
	w := newWorld(t, "sitoo", nil)
	w.fault("sitoo.upload-url=status=400")
	item := w.item("a")
	require.Equal(t, upload.StateFailed, w.run(item).result.State)
	for _, id := range []string{item.UploadID, "upload/sitoo/none"} {
		_, err := w.steps.Finished(t.Context(), id)
		require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	}
}

// deleteImage deletes one of Closient's images, as another program would.
func (w *world) deleteImage(id string) {
	w.t.Helper()
	require.Equal(w.t, http.StatusNoContent, w.elsewhere(http.MethodDelete, "/"+id))
}

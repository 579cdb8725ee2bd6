package contract

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestASourceWhoseChecksumIsWrongMakesNoRequest(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		item := w.item("a")
		item.SHA256 = hex.EncodeToString(make([]byte, 32))
		ended := w.run(item)
		w.verify(item, ended, want{state: upload.StateFailed, kind: upload.KindCorrupt, step: upload.StepClaim, requests: requests{}})
		require.Contains(t, ended.result.Error.Message, item.SHA256)
	})
}

func TestASourceThatIsNoneMakesNoRequest(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		for name, spoil := range map[string]func(*testing.T, string){
			"missing":   func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
			"empty":     func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) },
			"no medium": func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte("a letter"), 0o600)) },
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, vendor, nil)
				item := w.item("a")
				spoil(t, item.Source)
				w.verify(item, w.run(item), want{state: upload.StateFailed, kind: upload.KindInvalid, step: upload.StepClaim, requests: requests{}})
			})
		}
	})
}

func TestASourceThatChangesBeforeItIsSentIsMissing(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		item := w.item("a")
		was := fingerprint(t, item.Source)
		sending := upload.ActivityTransfer
		if vendor == "truvideo" {
			sending = upload.ActivitySendPart
		}
		w.before[sending] = func(int) {
			require.NoError(t, os.WriteFile(item.Source, append(w.sample(), "more"...), 0o600))
		}
		ended := w.run(item)
		w.requireChanged(ended, was, fingerprint(t, item.Source))
		require.Empty(t, w.visible())
		require.Empty(t, w.sandbox.Ledger().Violations)
		w.verifyBooks(item, ended)
	})
}

// requireChanged wants a failure that names what the source was and what it is.
func (w *world) requireChanged(ended end, was, is string) {
	w.t.Helper()
	require.Equal(w.t, upload.StateFailed, ended.result.State)
	require.Equal(w.t, upload.KindMissing, ended.result.Error.Kind)
	require.Equal(w.t, upload.StepTransfer, ended.result.Error.Step)
	require.Contains(w.t, ended.result.Error.Message, was)
	require.Contains(w.t, ended.result.Error.Message, is)
}

func fingerprint(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return upload.FileFingerprint(info.Size(), info.ModTime())
}

func TestASourceThatChangesWhileItIsSentIsMissing(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		item := w.item("a")
		body := w.sample()
		var sending, sent atomic.Bool
		for _, name := range []string{upload.ActivityTransfer, upload.ActivitySendPart} {
			w.before[name] = func(int) { sending.Store(true) }
		}
		whole := fmt.Sprintf("bytes=0-%d", len(body)-1)
		server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			out.Header().Set("ETag", `"before"`)
			if sent.Load() {
				out.Header().Set("ETag", `"after"`)
			}
			http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(body))
			if asked := r.Header.Get("Range"); sending.Load() && r.Method == http.MethodGet && (asked == "" || asked == whole) {
				sent.Store(true)
			}
		}))
		defer server.Close()
		item.Source, item.Queue = server.URL+"/a"+filepath.Ext(item.Source)+"?X-Amz-Signature=secret", ""
		ended := w.run(item)
		w.requireChanged(ended, "ETag before", "ETag after")
		w.verifySecrets(ended)
	})
}

package steps

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

func TestCredentialsAreNotSentToAnAddressThatASessionNames(t *testing.T) {
	var asked atomic.Int64
	serve := func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id":"i"}`))
	}
	home, elsewhere := httptest.NewServer(http.HandlerFunc(serve)), httptest.NewServer(http.HandlerFunc(serve))
	defer home.Close()
	defer elsewhere.Close()

	s, _ := metered(t)
	path := filepath.Join(t.TempDir(), "a.gif")
	require.NoError(t, os.WriteFile(path, []byte("GIF89a"), 0o600))
	s.Egress = egress.New()
	s.Sources = sources.New(sources.Options{Egress: s.Egress})
	look, err := s.Sources.Look(t.Context(), path)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		vendor, url string
		kind        upload.Kind
		sent        int64
	}{
		"at home":                       {"closient", home.URL + "/v1/images", "", 1},
		"at another port":               {"closient", elsewhere.URL + "/v1/images", upload.KindInvalid, 0},
		"at another scheme":             {"closient", strings.Replace(home.URL, "http:", "https:", 1) + "/v1/images", upload.KindInvalid, 0},
		"behind a user name":            {"closient", strings.Replace(home.URL, "://", "://"+home.Listener.Addr().String()+"@", 1), upload.KindInvalid, 0},
		"at a vendor that takes no one": {"trustana", home.URL + "/v1/images", upload.KindInternal, 0},
	} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			vendor, err := vendors.Find(c.vendor)
			require.NoError(t, err)
			p := upload.Progress{
				Content: upload.Content{Size: look.Size, Type: "image/gif", Name: "a.gif", Fingerprint: look.Fingerprint},
				Session: upload.Session{Method: upload.MethodForm, Store: upload.StoreVendor, URL: c.url, File: upload.FormFile{Field: "image", Name: "a.gif", Type: "image/gif"}},
			}
			err = s.send(t.Context(), Work{
				Item: upload.Item{UploadID: "upload/acct/x", Account: "acct", Vendor: c.vendor, Source: path}, Vendor: vendor, Progress: &p, Meter: &transfer.Meter{},
				Flow: flow.Flow{Policy: vendor.Spec().Policy},
				Caller: &wire.Caller{
					Spec: vendor.Spec(), Permits: Permits{s}, Now: s.Now,
					Account: spec.Account{
						Name: "acct", Vendor: c.vendor, BaseURL: home.URL + "/v1", Settings: map[string]string{"api_key": "key-1234"},
						Policy: egress.Policy{Private: true, Insecure: true},
					},
				},
			})
			require.Equal(t, c.kind, upload.KindOf(err), "%v", err)
			require.Equal(t, c.sent, asked.Load())
		})
	}
}

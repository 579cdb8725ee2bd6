package activities

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// byVendor resolves every account as one of the vendor of its name.
type byVendor struct{ byName }

func (b byVendor) Account(name string) (spec.Account, error) {
	account, err := b.byName.Account(name)
	account.Vendor = name
	return account, err
}

// claimed is an item that the test's run has claimed, and a file beside its source that
// nobody claimed.
type claimed struct {
	*Activities
	item    upload.Item
	content upload.Content
	private string
	sent    atomic.Int64 // requests to the store
	store   *httptest.Server
}

func newClaimed(t *testing.T) *claimed {
	t.Helper()
	c := &claimed{Activities: newActivities(t, 0)}
	c.Accounts = byVendor{}
	c.store = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c.sent.Add(1)
		w.Header().Set("ETag", `"x"`)
	}))
	t.Cleanup(c.store.Close)
	folder := t.TempDir()
	source := filepath.Join(folder, "a.gif")
	c.private = filepath.Join(folder, "private.txt")
	require.NoError(t, os.WriteFile(source, []byte("GIF89aworld"), 0o600))
	require.NoError(t, os.WriteFile(c.private, []byte("the diary of"), 0o600))
	c.item = upload.Item{UploadID: "upload/trustana/a", ID: "a", Account: "trustana", Vendor: "trustana", Source: source}
	c.content = contentOf(t, source)
	c.claim(t, c.item, c.content)
	return c
}

// contentOf is what a look at a file finds, as if it were a medium.
func contentOf(t *testing.T, path string) upload.Content {
	t.Helper()
	look, err := sources.New(sources.Options{}).Look(t.Context(), path)
	require.NoError(t, err)
	return upload.Content{Size: look.Size, Type: "image/gif", Name: look.Name, Fingerprint: look.Fingerprint}
}

// claim claims an item for the run of the test environment.
func (c *claimed) claim(t *testing.T, item upload.Item, content upload.Content) {
	t.Helper()
	claim, err := c.Ledger.Claim(t.Context(), ledger.ClaimRequest{
		Item: item, Content: content, WorkflowID: "default-test-workflow-id", RunID: "default-test-run-id", Way: upload.WayOwn, StartedAt: time.Now(),
	})
	require.NoError(t, err)
	require.Equal(t, ledger.Granted, claim.Outcome)
}

func (c *claimed) part(item upload.Item, content upload.Content) upload.SendPart {
	return upload.SendPart{
		Item: item, Content: content, Session: "s1", Part: upload.PartURL{Number: 1, URL: c.store.URL + "/k"}, Offset: 0, Size: content.Size, Lenient: true,
	}
}

// reading are the activities that read a source.
var reading = map[string]func(*testing.T, *claimed, upload.Item, upload.Content) error{
	"digest": func(t *testing.T, c *claimed, item upload.Item, content upload.Content) error {
		_, _, err := attemptAfter(t, nil, c.Digest, item, content)
		return err
	},
	"part": func(t *testing.T, c *claimed, item upload.Item, content upload.Content) error {
		_, _, err := attemptAfter(t, nil, c.SendPart, c.part(item, content))
		return err
	},
	"part that the vendor lists": func(t *testing.T, c *claimed, item upload.Item, content upload.Content) error {
		in := c.part(item, content)
		in.Stored = "an ETag"
		_, _, err := attemptAfter(t, nil, c.SendPart, in)
		return err
	},
	"transfer": func(t *testing.T, c *claimed, item upload.Item, content upload.Content) error {
		p := upload.Progress{Next: upload.StepTransfer, Idle: true, Content: content, Lenient: true, Session: upload.Session{
			Method: upload.MethodPut, Store: upload.StoreS3, URL: c.store.URL + "/k",
		}}
		_, _, err := attemptAfter(t, nil, c.Transfer, upload.Advance{Item: item, Progress: p})
		return err
	},
}

func TestAnActivityReadsOnlyTheSourceThatWasClaimed(t *testing.T) {
	for name, read := range reading {
		for what, forge := range map[string]func(*claimed) (source, fingerprint string){
			"another source":                    func(c *claimed) (string, string) { return c.private, contentOf(t, c.private).Fingerprint },
			"another source as the claimed one": func(c *claimed) (string, string) { return c.private, c.content.Fingerprint },
			"another version":                   func(c *claimed) (string, string) { return c.item.Source, "11 bytes, modified later" },
		} {
			t.Run(name+" of "+what, func(t *testing.T) {
				c := newClaimed(t)
				item, content := c.item, c.content
				item.Source, content.Fingerprint = forge(c)
				e := requireFinal(t, read(t, c, item, content))
				require.Equal(t, upload.KindInternal, e.Kind)
				require.Contains(t, e.Message, "is not the one claimed for upload/trustana/a")
				require.Zero(t, c.sent.Load(), "nothing was sent")
			})
		}
	}
}

func TestAnActivityLooksAtTheKindOfTheSourceAgain(t *testing.T) {
	c := newClaimed(t)
	stolen := c.item
	stolen.UploadID, stolen.ID, stolen.Source = "upload/trustana/b", "b", c.private
	c.claim(t, stolen, contentOf(t, c.private)) // by a workflow that nobody should have started
	_, _, err := attemptAfter(t, nil, c.SendPart, c.part(stolen, contentOf(t, c.private)))
	e := requireFinal(t, err)
	require.Equal(t, upload.KindMissing, e.Kind)
	require.Contains(t, e.Message, "is not a media format")
	other := c.content
	other.Type = "image/png"
	_, _, err = attemptAfter(t, nil, c.SendPart, c.part(c.item, other))
	require.Contains(t, requireFinal(t, err).Message, "it was image/png, and is now image/gif")
	require.Zero(t, c.sent.Load())
}

func TestAMovedSourceIsReadOnceItWasProved(t *testing.T) {
	c := newClaimed(t)
	moved := c.item
	moved.Source = filepath.Join(t.TempDir(), "b.gif")
	require.NoError(t, os.WriteFile(moved.Source, []byte("GIF89aworld"), 0o600))
	there := contentOf(t, moved.Source)
	_, _, err := attemptAfter(t, nil, c.Digest, moved, there)
	require.Equal(t, upload.KindInternal, requireFinal(t, err).Kind)

	var proved upload.Proved
	_, value, err := attemptAfter(t, nil, c.Prove, upload.Prove{Item: moved, Content: c.content})
	require.NoError(t, err)
	require.NoError(t, value.Get(&proved))
	require.Equal(t, there.Fingerprint, proved.Fingerprint)
	_, _, err = attemptAfter(t, nil, c.Digest, moved, there)
	require.NoError(t, err)

	unknown := c.content
	unknown.Fingerprint = "11 bytes, modified never"
	_, _, err = attemptAfter(t, nil, c.Prove, upload.Prove{Item: moved, Content: unknown})
	require.Equal(t, upload.KindInternal, requireFinal(t, err).Kind, "a move proves against what was claimed")
}

func TestBytesGoToTheSessionOfTheLedgerAndToNoOther(t *testing.T) {
	c := newClaimed(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the input's session was believed") }))
	t.Cleanup(elsewhere.Close)
	p := upload.Progress{Version: 1, Next: upload.StepTransfer, Idle: true, Content: c.content, Lenient: true, Session: upload.Session{
		Method: upload.MethodPut, Store: upload.StoreS3, ID: "s1", URL: c.store.URL + "/k",
	}}
	refused, err := c.Ledger.SaveProgress(t.Context(), []ledger.ProgressUpdate{{
		UploadID: c.item.UploadID, RunID: "default-test-run-id", State: upload.StateTransferring, Progress: p,
	}})
	require.NoError(t, err)
	require.Empty(t, refused)
	for name, version := range map[string]int64{"of the same version": 1, "that claims to be newer": 7} {
		t.Run(name, func(t *testing.T) {
			forged := p
			forged.Version, forged.Session.URL = version, elsewhere.URL+"/k"
			_, _, _ = attemptAfter(t, nil, c.Transfer, upload.Advance{Item: c.item, Progress: forged})
		})
	}
	require.Positive(t, c.sent.Load())
}

package closient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

// cdn serves images, and remembers who came with credentials.
type cdn struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	keys  []string
}

func newCDN(t *testing.T, images map[string]string) *cdn {
	t.Helper()
	c := &cdn{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.asked = append(c.asked, r.Method+" "+r.URL.Path)
		for _, name := range []string{"X-Api-Key", "Authorization", "Cookie"} {
			c.keys = append(c.keys, r.Header.Values(name)...)
		}
		c.mu.Unlock()
		switch content, there := images[strings.TrimPrefix(r.URL.Path, "/")]; {
		case !there:
			w.WriteHeader(http.StatusForbidden)
		case content == "cut":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "half")
		default:
			_, _ = io.WriteString(w, content)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func TestClosientFindsOutWhatALostAnswerMade(t *testing.T) {
	const bytes = "the very bytes"
	sum := sha256.Sum256([]byte(bytes))
	content := upload.Content{Size: int64(len(bytes)), Type: "image/jpeg", SHA256: hex.EncodeToString(sum[:])}
	served := map[string]string{"ours": bytes, "ours2": bytes, "ours3": bytes, "longer": bytes + "!", "shorter": "x", "other": "THE VERY BYTES", "cut": "cut"}
	deleted := func(id string) wiretest.Exchange {
		return wiretest.Exchange{Ask: "DELETE " + path + "/" + id, Header: map[string]string{"X-API-Key": wiretest.Canary + "-key"}, Status: 204}
	}
	gone, kept, trouble := deleted("ours2"), deleted("ours2"), deleted("ours2")
	gone.Status, kept.Status, trouble.Status = 404, 409, 503

	type found map[string]any
	at := func(id string, more ...any) found {
		f := found(listedImage(id))
		for i := 0; i+1 < len(more); i += 2 {
			f[more[i].(string)] = more[i+1]
		}
		return f
	}
	cases := []struct {
		name    string
		fields  upload.Fields
		before  []string
		images  []found
		cleanup bool
		deletes []wiretest.Exchange
		want    string // the medium's ID
		clean   bool
		doubt   string
		note    string
		kind    upload.Kind
	}{
		{name: "nothing is there", clean: true},
		{name: "one with our bytes is ours", images: []found{at("ours")}, want: "ours"},
		{name: "one that was there before is not, also with our bytes", images: []found{at("ours")}, before: []string{"ours"}, clean: true},
		{name: "one with another title is not", fields: upload.Fields{"title": "Front"}, images: []found{at("ours", "title", "Back")}, clean: true},
		{name: "one with our title is", fields: upload.Fields{"title": "Front"}, images: []found{at("ours", "title", "Front")}, want: "ours"},
		{name: "one with our title, from which the vendor took the spaces, is", fields: upload.Fields{"title": " Front "}, images: []found{at("ours", "title", "Front")}, want: "ours"},
		{name: "one made long before is not", images: []found{at("ours", "created", wiretest.Noon.Add(-time.Minute-time.Second))}, clean: true},
		{name: "one made a little before, by clocks that differ, is", images: []found{at("ours", "created", wiretest.Noon.Add(-time.Minute))}, want: "ours"},
		{name: "one of which the vendor tells the day alone is", images: []found{at("ours", "created", wiretest.Noon.Format(time.DateOnly))}, want: "ours"},
		{name: "one of the day before is not", images: []found{at("ours", "created", wiretest.Noon.Add(-24*time.Hour).Format(time.DateOnly))}, clean: true},
		{name: "one of which nobody knows when it was made is", images: []found{at("ours", "created", nil)}, want: "ours"},
		{name: "a foreign one is not adopted", images: []found{at("other")}, clean: true},
		{name: "a longer one is not", images: []found{at("longer")}, clean: true},
		{name: "a shorter one is not", images: []found{at("shorter")}, clean: true},
		{name: "ours is found among foreign ones", images: []found{at("other"), at("longer"), at("ours"), at("shorter")}, want: "ours"},
		{name: "one that cannot be read is ours by all that can be seen", images: []found{at("missing")}, want: "missing"},
		{name: "one that breaks off too", images: []found{at("cut")}, want: "cut"},
		{name: "one without a URL too", images: []found{at("ours", "image_url", nil)}, want: "ours"},
		{name: "one that can be read goes before one that cannot", images: []found{at("missing"), at("ours")}, want: "ours"},
		{name: "several that cannot be read are left to a person", images: []found{at("missing"), at("missing2")}, doubt: "2 new images that may be this one, but they cannot be read: missing, missing2"},
		{
			name:   "of several that are ours the oldest is, and the others are named",
			images: []found{at("ours2", "created", wiretest.Noon.Add(time.Second)), at("ours"), at("ours3", "created", wiretest.Noon.Add(time.Minute))},
			want:   "ours", note: "the product also has ours2, ours3 with the same content",
		},
		{
			name:   "of several that are ours the oldest is, whichever somebody made the first",
			images: []found{at("ours2", "is_primary", true, "created", wiretest.Noon.Add(time.Second)), at("ours")},
			want:   "ours", note: "the product also has ours2",
		},
		{name: "one that is listed twice is one", images: []found{at("ours"), at("ours")}, want: "ours"},
		{
			name: "duplicates are deleted, but only those that are equal", cleanup: true,
			images:  []found{at("ours"), at("ours2"), at("other"), at("missing"), at("ours3")},
			deletes: []wiretest.Exchange{deleted("ours2"), deleted("ours3")}, want: "ours", note: "deleted ours2; deleted ours3",
		},
		{name: "a single one is never deleted", cleanup: true, images: []found{at("ours"), at("other")}, want: "ours"},
		{name: "one that is gone is deleted", cleanup: true, images: []found{at("ours"), at("ours2")}, deletes: []wiretest.Exchange{gone}, want: "ours", note: "deleted ours2"},
		{name: "one that the vendor does not delete is named, and ours is found", cleanup: true, images: []found{at("ours"), at("ours2")}, deletes: []wiretest.Exchange{kept}, want: "ours", note: "did not delete ours2"},
		{name: "trouble with deleting is tried again", cleanup: true, images: []found{at("ours"), at("ours2")}, deletes: []wiretest.Exchange{trouble}, kind: upload.KindUnavailable},
		{
			name: "of several that were each to be the first, the one that is stays", cleanup: true, fields: upload.Fields{"is_primary": true},
			images:  []found{at("ours", "is_primary", true, "created", wiretest.Noon.Add(time.Second)), at("ours2", "is_primary", false)},
			deletes: []wiretest.Exchange{deleted("ours2")}, want: "ours", note: "deleted ours2",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			pictures := newCDN(t, served)
			settings := map[string]string{"api_key": wiretest.Canary + "-key"}
			if c.cleanup {
				settings["cleanup_duplicates"] = "true"
			}
			r := wiretest.New(t, closient, settings)
			var list []map[string]any
			for _, f := range c.images {
				if f["image_url"] != nil {
					f["image_url"] = pictures.URL + "/" + f["id"].(string)
				}
				list = append(list, f)
			}
			r.On(listed(1, listOf(false, list...))).On(c.deletes...)
			settled, err := Client{}.Settle(t.Context(), r.Caller, upload.Settle{
				Item: item(c.fields), Content: content, Session: upload.Session{OpenedAt: wiretest.Noon, Before: c.before},
			})
			require.Empty(t, pictures.keys, "images are fetched without credentials")
			require.Equal(t, 1+len(c.deletes), r.Permits.Taken)
			if c.kind != "" {
				require.Equal(t, c.kind, r.Failed(err).Kind)
				require.Zero(t, settled)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.clean, settled.Clean)
			require.Contains(t, settled.Doubt, c.doubt)
			require.Equal(t, c.doubt != "", settled.Doubt != "")
			require.Contains(t, settled.Note, c.note)
			require.Equal(t, c.note != "", settled.Note != "")
			if c.want == "" {
				require.Nil(t, settled.Media)
				return
			}
			require.Equal(t, c.want, settled.Media.ID)
			require.Equal(t, upload.StateReady, settled.Media.State)
		})
	}
}

func TestNothingIsAdoptedByAnEmptyChecksum(t *testing.T) {
	pictures := newCDN(t, map[string]string{"foreign": "of another length"})
	one, two := listedImage("foreign"), listedImage("foreign2")
	one["image_url"], two["image_url"] = pictures.URL+"/foreign", pictures.URL+"/foreign"
	r := wiretest.New(t, closient, settings).On(listed(1, listOf(false, one, two)))
	settled, err := Client{}.Settle(t.Context(), r.Caller, upload.Settle{Item: item(nil), Content: upload.Content{Size: 3}, Session: upload.Session{OpenedAt: wiretest.Noon}})
	require.NoError(t, err)
	require.NotEmpty(t, settled.Doubt)
}

func TestSettlingReadsAllPages(t *testing.T) {
	one := listedImage("late")
	one["image_url"] = "https://127.0.0.1:1/late"
	r := wiretest.New(t, closient, settings).On(listed(1, listOf(true, listedImage("old"))), listed(2, listOf(false, one)))
	settled, err := Client{}.Settle(t.Context(), r.Caller, upload.Settle{Item: item(nil), Content: wiretest.JPEG(), Session: upload.Session{OpenedAt: wiretest.Noon, Before: []string{"old"}}})
	require.NoError(t, err)
	require.Equal(t, "late", settled.Media.ID)
}

func TestSettlingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	pictures := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer pictures.Close()
	one := listedImage("slow")
	one["image_url"] = pictures.URL
	r := wiretest.New(t, closient, settings).On(listed(1, listOf(false, one)))
	_, err := Client{}.Settle(ctx, r.Caller, upload.Settle{Item: item(nil), Content: wiretest.JPEG(), Session: upload.Session{OpenedAt: wiretest.Noon}})
	require.ErrorIs(t, err, context.Canceled)
	var e *upload.Error
	require.False(t, errors.As(err, &e))
}

func TestSettlingFailsAsItsListDoes(t *testing.T) {
	r := wiretest.New(t, closient, settings).On(wiretest.Refuse(503, ""))
	require.Equal(t, upload.KindUnavailable, r.Failed(settleCall(r)).Kind)
}

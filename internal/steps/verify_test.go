package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/crc64"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// opened are accounts of a vendor whose media everybody can read.
type opened struct{ byName }

func (opened) Account(name string) (spec.Account, error) {
	return spec.Account{Name: name, Vendor: "trustoo", Policy: egress.Policy{Private: true, Insecure: true}}, nil
}

// sent is what was sent, and what is known of it.
func sent(url string) upload.Finished {
	body := []byte("what was sent")
	sum := sha256.Sum256(body)
	return upload.Finished{
		Item: upload.Item{UploadID: "upload/a/x", Account: "a", Vendor: "trustoo"}, Media: upload.Media{ID: "k", URL: url},
		Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:]), CRC64: upload.FormatCRC64(crc64.Checksum(body, upload.CRC64Table)),
	}
}

func TestAMediumIsReadWhereEverybodyCan(t *testing.T) {
	says := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	large := func(of *upload.Finished) { of.Size = wholeMost + 1 }
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		change func(*upload.Finished)
		want   upload.Outcome
		parts  map[string]upload.Outcome
		fails  bool
	}{
		"the same":                  {answer: says(200, "what was sent"), want: upload.OutcomeSame, parts: map[string]upload.Outcome{"address": "same", "bytes": "same", "sha256": "same"}},
		"other bytes":               {answer: says(200, "what was SENT"), want: upload.OutcomeDiffers, parts: map[string]upload.Outcome{"address": "same", "bytes": "same", "sha256": "differs"}},
		"fewer":                     {answer: says(200, "what"), want: upload.OutcomeDiffers, parts: map[string]upload.Outcome{"address": "same", "bytes": "differs", "sha256": "differs"}},
		"more":                      {answer: says(200, "what was sent, and more"), want: upload.OutcomeDiffers, parts: map[string]upload.Outcome{"address": "same", "bytes": "differs", "sha256": "differs"}},
		"without a known SHA-256":   {answer: says(200, "what was sent"), change: func(of *upload.Finished) { of.SHA256 = "" }, want: upload.OutcomeSame, parts: map[string]upload.Outcome{"address": "same", "bytes": "same", "crc64": "same"}},
		"a large one, by its sum":   {answer: says(200, "x", "Content-Length", strconv.Itoa(wholeMost+1), "X-Oss-Hash-Crc64ecma", sent("").CRC64), change: large, want: upload.OutcomeSame, parts: map[string]upload.Outcome{"address": "same", "bytes": "same", "crc64": "same"}},
		"a large one, of another":   {answer: says(200, "x", "Content-Length", "7", "X-Oss-Hash-Crc64ecma", "1"), change: large, want: upload.OutcomeDiffers, parts: map[string]upload.Outcome{"address": "same", "bytes": "differs", "crc64": "differs"}},
		"nothing any more":          {answer: says(404, ""), want: upload.OutcomeGone, parts: map[string]upload.Outcome{"address": "differs"}},
		"nobody may":                {answer: says(403, ""), want: upload.OutcomeUnknown, parts: map[string]upload.Outcome{"address": "unknown"}},
		"it is elsewhere":           {answer: says(302, ""), want: upload.OutcomeUnknown, parts: map[string]upload.Outcome{"address": "unknown"}},
		"no address":                {change: func(of *upload.Finished) { of.Media.URL = "" }, want: upload.OutcomeUnknown, parts: map[string]upload.Outcome{}},
		"the store is out of order": {answer: says(503, ""), fails: true},
		"too many at once":          {answer: says(429, ""), fails: true},
		"a portal's page":           {answer: says(200, "<html>", "Content-Type", "text/html; charset=utf-8"), fails: true},
		"cut off":                   {answer: says(200, "what", "Content-Length", "13"), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			s, _ := metered(t)
			s.Accounts, s.Egress = opened{}, egress.New()
			of := sent(server.URL + "/k?signature=c4n4ry")
			if c.change != nil {
				c.change(&of)
			}
			v, err := s.Verify(t.Context(), of)
			if c.fails {
				require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
				require.NotContains(t, err.Error(), "c4n4ry")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, v.Outcome, "%+v", v)
			parts := map[string]upload.Outcome{}
			for _, one := range v.Compared {
				parts[one.What] = one.Outcome
			}
			require.Equal(t, c.parts, parts)
			for _, asked := range v.Asked {
				require.NotContains(t, asked, "c4n4ry")
			}
			require.Equal(t, of.Media.URL == "", v.Reason != "")
		})
	}
}

func TestARowThatWasDeliveredBeforeIsTheEarlierUploadsMedium(t *testing.T) {
	s, _ := metered(t)
	keep := func(id string, known upload.Text, handle upload.Handle) {
		item := upload.Item{UploadID: id, ID: "x", Account: "a", Vendor: "trustoo", Source: "https://host/a.jpg"}
		result := upload.NewResult(item, upload.WayOwn, s.Now())
		result.State, result.MediaID, result.KnownFrom, result.Size = upload.StateReady, "m", known, 7
		require.NoError(t, s.Ledger.Record(t.Context(), upload.Record{Item: item, Result: result, Fingerprint: "f", RunID: "r", Handle: handle}))
	}
	handle := upload.Handle{ID: "upl_1", FileName: "image.jpg"}
	keep("batch/old/x", "", handle)
	keep("batch/new/x", "batch/old/x", upload.Handle{})
	keep("batch/lone/x", "batch/pruned/x", upload.Handle{})
	for id, want := range map[string]upload.Handle{"batch/old/x": handle, "batch/new/x": handle, "batch/lone/x": {}} {
		of, err := s.Finished(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want, of.Handle, id)
		require.Equal(t, upload.Media{ID: "m"}, of.Media)
		require.EqualValues(t, 7, of.Size)
	}
}

func TestAPausedAccountsVendorIsNotAsked(t *testing.T) {
	s, _ := metered(t)
	s.Accounts, s.Egress = opened{}, egress.New()
	_, err := s.Ledger.PauseAccount(t.Context(), "a", "freeze", "somebody")
	require.NoError(t, err)
	_, err = s.Verify(t.Context(), sent("http://127.0.0.1:1/"))
	require.Equal(t, upload.KindDenied, upload.KindOf(err))
	require.WithinDuration(t, s.Now(), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), 0)
}

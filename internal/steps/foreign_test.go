package steps

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

func TestWhatAVendorSaysOfAMediumIsMadePlain(t *testing.T) {
	caller := &wire.Caller{Account: spec.Account{Vendor: "trustana"}}
	m := upload.Media{ID: "ID\x1b]0;pwn\x07\u202egnp", URL: "javascript:alert(1)", Seen: "DONE\x1b[31m", Reason: "no\r\nroom"}
	require.NoError(t, plainMedia(caller, upload.StepPoll, &m))
	require.Equal(t, upload.Media{ID: "IDgnp", Seen: "DONE", Reason: "no room"}, m)

	m = upload.Media{ID: "key/of 商品.jpg", URL: "https://cdn.example/a.jpg"}
	require.NoError(t, plainMedia(caller, upload.StepPoll, &m))
	require.Equal(t, upload.Media{ID: "key/of 商品.jpg", URL: "https://cdn.example/a.jpg"}, m)
}

func TestAMediaIDThatCannotBeOneIsAnIncompleteAnswer(t *testing.T) {
	caller := &wire.Caller{Account: spec.Account{Vendor: "trustana"}}
	for _, id := range []string{strings.Repeat("x", mostID+1), "\x1b[31m", "\u200b\u202e"} {
		err := plainMedia(caller, upload.StepPoll, &upload.Media{ID: id})
		var e *upload.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, upload.KindUnavailable, e.Kind)
		require.Equal(t, upload.KindRejected, e.Then, "a second one ends the item")
		require.Less(t, len(e.Message), 200)
	}
}

func TestTheSignaturesOfASessionAreHidden(t *testing.T) {
	hideSession(upload.Session{
		URL:   "https://b.s3.amazonaws.com/k?X-Amz-Signature=0123456789abcdef00&X-Amz-Date=20261130T100000Z",
		Parts: []upload.PartURL{{Number: 1, URL: "https://b.s3.amazonaws.com/k?X-Amz-Signature=fedcba987654321011"}},
		Form:  []upload.FormField{{Name: "policy", Value: "eyJleHBpcmF0aW9uIjoiMjAyNiJ9"}, {Name: "key", Value: "img/0815/photo.jpg"}},
	})
	require.Equal(t, "said [redacted] and [redacted] and [redacted]",
		egress.Redact("said 0123456789ABCDEF00 and fedcba987654321011 and eyJleHBpcmF0aW9uIjoiMjAyNiJ9"))
	require.Equal(t, "of 20261130T100000Z, img/0815/photo.jpg", egress.Redact("of 20261130T100000Z, img/0815/photo.jpg"))
}

func TestASessionThatIsTooLargeToBeKeptIsAnIncompleteAnswer(t *testing.T) {
	caller := &wire.Caller{Account: spec.Account{Vendor: "trustana"}}
	long := strings.Repeat("x", mostSession)
	require.NoError(t, fits(caller, upload.StepPrepare, upload.Session{URL: long[:mostSession/2]}))
	for _, session := range []upload.Session{
		{URL: long, ID: "u"},
		{Form: []upload.FormField{{Name: "a", Value: long}}},
		{Parts: make([]upload.PartURL, mostSession)},
		{Before: []string{long}},
		{Media: upload.Media{Stored: []upload.StoredPart{{ETag: long}}}},
	} {
		var e *upload.Error
		require.ErrorAs(t, fits(caller, upload.StepPrepare, session), &e)
		require.Equal(t, upload.KindRejected, e.Then, "a second one ends the item")
		require.Equal(t, upload.ArrivedMaybe, e.Arrived)
	}
}

package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestFailuresOfOneCauseAreOne(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		messages := []string{
			`upload-url answered 422: "e1" is not known`, `upload-url answered 422: "e 2" is not known`, `upload-url answered 422: "" is not known`,
			"upload-url answered 400: NotToday", "list answered 500 after 17s: /tmp/x.jpg", "list answered 500 after 18s: /tmp/y.jpg",
		}
		for n, message := range messages {
			item := upload.Item{UploadID: upload.BatchUploadID("spring", string(rune('a'+n))), Batch: "spring", Line: n + 2, Account: "sitoo", Vendor: "sitoo", Source: "https://shop.example/a.jpg"}
			result := upload.NewResult(item, upload.WayPacked, noon)
			at := noon
			result.State, result.FinishedAt, result.Error = upload.StateFailed, &at, &upload.Failure{Kind: upload.KindRejected, Message: message}
			require.NoError(t, l.Record(t.Context(), upload.Record{Item: item, Result: result, RunID: "run"}))
		}
		causes, err := l.Causes(t.Context(), "spring")
		require.NoError(t, err)
		require.Len(t, causes, 3)
		require.Equal(t, int64(3), causes[0].Count)
		require.Equal(t, "line 2: "+messages[0], causes[0].Because())
		require.Equal(t, int64(2), causes[1].Count)
		id, err := l.CauseOf(t.Context(), messages[2])
		require.NoError(t, err)
		require.Equal(t, causes[0].ID, id)
		require.Len(t, list(t, l, ledger.Filter{Batch: "spring", State: upload.StateFailed, Cause: id}), 3)

		n, err := l.RetryRows(t.Context(), "spring", nil, ledger.Which{Cause: id})
		require.NoError(t, err)
		require.Equal(t, int64(3), n)
		causes, err = l.Causes(t.Context(), "spring")
		require.NoError(t, err)
		require.Len(t, causes, 2)
	})
}

package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestItemsAreFoundByWhatTheyName(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now, Names: func(item upload.Item) []string { return []string{item.Fields.String("gtin")} }})
		put := func(batch, id, source, gtin string) {
			item := upload.Item{UploadID: upload.BatchUploadID(batch, id), Batch: batch, ID: id, Account: "closient", Vendor: "closient", Source: source, Fields: upload.Fields{"gtin": gtin}}
			require.NoError(t, l.Record(t.Context(), upload.Record{Item: item, Result: upload.NewResult(item, upload.WayPacked, now.Now())}))
		}
		for n := range 20 {
			put(fmt.Sprintf("b%d", n), "front", fmt.Sprintf("/srv/media/%d/Front.JPG", n), "4006381333931")
			now.Add(time.Hour)
			require.NoError(t, l.Close())
			l = ledgertest.Open(t, url, ledger.Options{Now: now.Now, Names: func(item upload.Item) []string { return []string{item.Fields.String("gtin")} }})
		}
		put("c", "back", "https://shop.example/img/back%20side.png?signature=secret", "00012345678905")
		for text, want := range map[string]int{
			"4006381333931": 20, "04006381333931": 20, "front": 20, "front.jpg": 20, "/srv/media/7/front.jpg": 1, "7/front.jpg": 1,
			"12345678905": 1, "https://shop.example/img/back%20side.png": 1, "back%20side": 1, "secret": 0, "fron": 0, "nothing": 0, "": 0,
		} {
			found, err := l.FindTerms(t.Context(), text, 50)
			require.NoError(t, err)
			require.Len(t, found, want, text)
		}
		found, err := l.FindTerms(t.Context(), "front", 3)
		require.NoError(t, err)
		require.Equal(t, "batch/b19/front", found[0].Result.UploadID, "the latest first")
		require.Len(t, found, 3)

		_, err = l.Prune(t.Context(), now.Now().Add(time.Hour))
		require.NoError(t, err)
	})
}

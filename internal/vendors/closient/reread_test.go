package closient

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

func TestClosientIsAskedForAFinishedImage(t *testing.T) {
	titled := func(id, title string) map[string]any {
		image := listedImage(id)
		image["title"] = title
		return image
	}
	asked := "GET /trade-items/{organization_id}/{gtin}/images"
	for name, c := range map[string]struct {
		script []wiretest.Exchange
		want   upload.Reading
	}{
		"on the second page": {
			[]wiretest.Exchange{listed(1, listOf(true, titled("other", "Front"))), listed(2, listOf(false, titled("ours", " Front ")))},
			upload.Reading{Asked: asked, Original: true, URL: "https://cdn/ours", Facts: []upload.Comparison{upload.Compare("id", "ours", "ours"), upload.Compare("title", "Front", "Front")}},
		},
		"with another title": {
			[]wiretest.Exchange{listed(1, listOf(false, titled("ours", "Back")))},
			upload.Reading{Asked: asked, Original: true, URL: "https://cdn/ours", Facts: []upload.Comparison{upload.Compare("id", "ours", "ours"), upload.Compare("title", "Front", "Back")}},
		},
		"without an address": {
			[]wiretest.Exchange{listed(1, listOf(false, map[string]any{"id": "ours", "title": "Front", "image_url": nil}))},
			upload.Reading{Asked: asked, Original: true, Silent: "the vendor returns no address for the image", Facts: []upload.Comparison{upload.Compare("id", "ours", "ours"), upload.Compare("title", "Front", "Front")}},
		},
		"that is not listed": {[]wiretest.Exchange{listed(1, listOf(false, titled("other", "Front")))}, upload.Reading{Asked: asked, Original: true, Gone: true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := wiretest.New(t, closient, settings).On(c.script...)
			got, err := Client{}.Reread(t.Context(), r.Caller, upload.Finished{Item: item(upload.Fields{"title": "Front"}), Media: upload.Media{ID: "ours"}})
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, r.Requests(), r.Permits.Taken)
		})
	}
	got, err := Client{}.Reread(t.Context(), wiretest.New(t, closient, settings).Caller, upload.Finished{Item: item(nil)})
	require.NoError(t, err)
	require.NotEmpty(t, got.Silent, "a person decided that it is ready")
	r := wiretest.New(t, closient, settings).On(wiretest.Refuse(404, `{"error":{"code":"NOT_FOUND"}}`))
	_, err = Client{}.Reread(t.Context(), r.Caller, upload.Finished{Item: item(nil), Media: upload.Media{ID: "ours"}})
	require.Equal(t, upload.KindRejected, r.Failed(err).Kind, "the product is unknown, which says nothing of the image")
}

package sitoo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

func TestSitooIsAskedForAFinishedImage(t *testing.T) {
	ready := `{"file_id":"0b9e","status":"ready","entity_type":"shipment_item","entity_id":"` + entity + `","content_type":"image/jpeg","file_size":"204800",` +
		`"download_url":"https://cdn/0b9e?Signature=` + wiretest.Canary + `"}`
	same := func(name, value string) upload.Comparison { return upload.Compare(name, value, value) }
	for name, c := range map[string]struct {
		answer wiretest.Exchange
		want   upload.Reading
	}{
		"as it was": {
			wiretest.Exchange{Answer: ready},
			upload.Reading{URL: "https://cdn/0b9e?Signature=" + wiretest.Canary, Size: 204800, Facts: []upload.Comparison{
				same("file_id", "0b9e"), same("status", "ready"), same("entity_type", "shipment_item"), same("entity_id", entity), upload.Compare("content_type", "", "image/jpeg"),
			}},
		},
		"that belongs to something else, and is processed again": {
			wiretest.Exchange{Answer: `{"status":"processing","entity_id":"other"}`},
			upload.Reading{Facts: []upload.Comparison{upload.Compare("status", "ready", "processing"), upload.Compare("entity_id", entity, "other")}},
		},
		"that it does not have": {wiretest.Exchange{Status: 404, Answer: `{"error_code":"FILE_NOT_FOUND"}`}, upload.Reading{Gone: true}},
	} {
		t.Run(name, func(t *testing.T) {
			c.answer.Ask, c.answer.Loose = "GET /base/v1/media/0b9e", true
			r := wiretest.New(t, sitoo, bearer).On(c.answer)
			c.want.Asked = "GET /v1/media/{file_id}"
			got, err := Client{}.Reread(t.Context(), r.Caller, upload.Finished{Item: item(), Media: upload.Media{ID: "0b9e"}})
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	for name, answer := range map[string]wiretest.Exchange{
		"a page is no word of the vendor's": wiretest.Refuse(404, "<html>nothing here</html>"),
		"an answer without a status":        wiretest.Refuse(200, `{"file_id":"0b9e"}`),
	} {
		t.Run(name, func(t *testing.T) {
			r := wiretest.New(t, sitoo, bearer).On(answer)
			_, err := Client{}.Reread(t.Context(), r.Caller, upload.Finished{Item: item(), Media: upload.Media{ID: "0b9e"}})
			require.Equal(t, upload.KindUnavailable, r.Failed(err).Kind)
		})
	}
	got, err := Client{}.Reread(t.Context(), wiretest.New(t, sitoo, bearer).Caller, upload.Finished{Item: item()})
	require.NoError(t, err)
	require.Equal(t, upload.Reading{Silent: "the file_id of the image is unknown"}, got)
}

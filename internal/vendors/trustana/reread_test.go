package trustana

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

const final = "https://cdn.trustana.com/x/image-123.jpg"

func finished(fields upload.Fields) upload.Finished {
	return upload.Finished{
		Item: wiretest.Item("trustana", fields), Handle: upload.Handle{ID: "upl_1", FileName: "image-123.jpg"},
		Media: upload.Media{ID: "IM1", URL: final}, Size: 1000,
	}
}

func TestTrustanaIsAskedForAFinishedImage(t *testing.T) {
	byID, byName := "GET /base/upload/status?uploadId=upl_1", "GET /base/upload/status?fileName=image-123.jpg"
	unknown := wiretest.Exchange{Ask: byID, Loose: true, Status: 404, Answer: `{"errorCode":404}`}
	old := `,"createdAt":1700000000000}}`
	for name, c := range map[string]struct {
		script []wiretest.Exchange
		fields upload.Fields
		want   upload.Reading
	}{
		"by its uploadId": {
			script: []wiretest.Exchange{{Ask: byID, Loose: true, Answer: `{"errorCode":0,"data":{"fileId":"IM1","size":1000,"format":"image/png","originalName":"a.jpg"` + old}},
			fields: upload.Fields{"fileName": "a.jpg"},
			want: upload.Reading{URL: final, Facts: []upload.Comparison{
				upload.Compare("fileId", "IM1", "IM1"), upload.Compare("size", "1000", "1000"), upload.Compare("originalName", "a.jpg", "a.jpg"), upload.Compare("format", "", "image/png"),
			}},
		},
		"by its fileName, where the uploadId is forgotten; it has another ID": {
			script: []wiretest.Exchange{unknown, {Ask: byName, Loose: true, Answer: `{"errorCode":0,"data":{"fileId":"IM2"` + old}},
			want:   upload.Reading{URL: final, Facts: []upload.Comparison{upload.Compare("fileId", "IM1", "IM2")}},
		},
		"that is too new to be at its address": {
			script: []wiretest.Exchange{{Ask: byID, Loose: true, Answer: `{"errorCode":0,"data":{"fileId":"IM1","createdAt":"2026-03-01T11:55:00Z"}}`}},
			want: upload.Reading{
				Facts:  []upload.Comparison{upload.Compare("fileId", "IM1", "IM1")},
				Silent: "the image's address was not checked, because it can take minutes to become available",
			},
		},
		"that it no longer tells about": {
			script: []wiretest.Exchange{unknown, {Ask: byName, Loose: true, Status: 404, Answer: `{"errorCode":404}`}},
			want:   upload.Reading{URL: final, Silent: "the vendor no longer knows the upload"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := rig(t).On(c.script...)
			c.want.Asked = "GET /upload/status"
			got, err := Client{}.Reread(t.Context(), r.Caller, finished(c.fields))
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, r.Requests(), r.Permits.Taken)
		})
	}
	lost := finished(nil)
	lost.Handle = upload.Handle{}
	got, err := Client{}.Reread(t.Context(), rig(t).Caller, lost)
	require.NoError(t, err)
	require.Equal(t, upload.Reading{URL: final, Silent: "the vendor no longer knows the upload"}, got, "without a name to ask by")
}

func TestTrustanasRefusalOfAReadingIsOne(t *testing.T) {
	r := rig(t).On(wiretest.Refuse(401, `{"errorCode":401}`))
	_, err := Client{}.Reread(t.Context(), r.Caller, finished(nil))
	require.Equal(t, upload.KindDenied, r.Failed(err).Kind)
}

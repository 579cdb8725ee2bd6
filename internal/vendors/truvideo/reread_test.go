package truvideo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

func TestTruvideoIsAskedForAFinishedMedium(t *testing.T) {
	of := upload.Finished{
		Item: wiretest.Item("truvideo", upload.Fields{"title": "Hello: World!", "creator": "Ann"}), Handle: upload.Handle{ID: "66d9"},
		Media: upload.Media{ID: "0f4c", URL: "https://media/0f4c.mp4"},
	}
	asked := "GET /upload/{uploadId}"
	for name, c := range map[string]struct {
		answer wiretest.Exchange
		want   upload.Reading
	}{
		"as it was": {
			wiretest.Exchange{Answer: `{"uploadId":"66d9","mediaId":"0f4c","status":"COMPLETED","creator":"Ann","sanitizedTitle":"Hello__World_","fileUrl":"https://media/0f4c.mp4?X-Amz-Signature=` + wiretest.Canary + `"}`},
			upload.Reading{URL: "https://media/0f4c.mp4?X-Amz-Signature=" + wiretest.Canary, Facts: []upload.Comparison{
				upload.Compare("mediaId", "0f4c", "0f4c"), upload.Compare("status", "COMPLETED", "COMPLETED"),
				upload.Compare("creator", "Ann", "Ann"), upload.Compare("sanitizedTitle", "Hello__World_", "Hello__World_"),
			}},
		},
		"that failed since": {
			wiretest.Exchange{Answer: `{"mediaId":"0f4c","status":"FAILED"}`},
			upload.Reading{Facts: []upload.Comparison{upload.Compare("mediaId", "0f4c", "0f4c"), upload.Compare("status", "COMPLETED", "FAILED")}},
		},
		"whose session has ended": {
			wiretest.Exchange{Status: 400, Answer: `{"detail":"unknown"}`},
			upload.Reading{URL: "https://media/0f4c.mp4", Silent: "the vendor no longer knows the session"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.answer.Ask, c.answer.Loose = "GET /base/upload/66d9", true
			r := rig(t).On(c.answer)
			c.want.Asked = asked
			got, err := Client{}.Reread(t.Context(), r.Caller, of)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	r := rig(t).On(wiretest.Refuse(400, "<html>"))
	_, err := Client{}.Reread(t.Context(), r.Caller, of)
	require.Equal(t, upload.KindUnavailable, r.Failed(err).Kind, "a page is no word of the vendor's")
	of.Handle = upload.Handle{}
	got, err := Client{}.Reread(t.Context(), rig(t).Caller, of)
	require.NoError(t, err)
	require.Equal(t, upload.Reading{URL: "https://media/0f4c.mp4", Silent: "the vendor no longer knows the session"}, got)
}

func TestATitleIsSanitizedAsTheVendorDoes(t *testing.T) {
	for title, want := range map[string]string{
		"Hello: World!": "Hello__World_", "Product %%#@^&": "Product_______", "a.b-c_d": "a.b-c_d", "": "", "Größe": "",
	} {
		require.Equal(t, want, sanitized(title))
	}
}

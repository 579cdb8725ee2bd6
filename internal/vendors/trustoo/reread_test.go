package trustoo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

func TestTrustoosObjectIsReadByItsAddress(t *testing.T) {
	c := wiretest.New(t, trustoo, signed).Caller // which is asked nothing
	got, err := Client{}.Reread(t.Context(), c, upload.Finished{Media: upload.Media{ID: "d/k", URL: "https://img.trustoo.io/d/k"}})
	require.NoError(t, err)
	require.Equal(t, upload.Reading{URL: "https://img.trustoo.io/d/k", Original: true}, got)
	got, err = Client{}.Reread(t.Context(), c, upload.Finished{Media: upload.Media{ID: "d/k"}})
	require.NoError(t, err)
	require.Empty(t, got.URL)
	require.NotEmpty(t, got.Silent)
}

package closient

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

func TestClosientListsTheImagesOfAProduct(t *testing.T) {
	r := wiretest.New(t, closient, settings).On(listed(1, listOf(true, listedImage("one"))), listed(2, listOf(false, listedImage("two"))))
	all, err := Client{}.Listing(t.Context(), r.Caller, item(nil))
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, upload.Text("two"), all[1].ID)
	require.Equal(t, "https://cdn/two", all[1].URL)
	require.Equal(t, r.Requests(), r.Permits.Taken)
	r = wiretest.New(t, closient, settings).On(wiretest.Refuse(404, `{"error":{"code":"NOT_FOUND"}}`))
	_, err = Client{}.Listing(t.Context(), r.Caller, item(nil))
	require.Equal(t, upload.KindRejected, r.Failed(err).Kind)
}

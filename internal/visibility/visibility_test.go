package visibility_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/visibility"
)

func TestSearchAttributesTellNothingOfTheSource(t *testing.T) {
	item := upload.Item{
		UploadID: "batch/spring/secret", Batch: "spring", ID: "secret", Account: "shop", Vendor: "sitoo", Source: "/secret/a.jpg",
		Queue: "mediaferry@secret:/secret",
	}
	all := visibility.Of([]any{item})
	require.Equal(t, 4, all.Size())
	for key, value := range all.GetUntypedValues() {
		require.NotContains(t, value, "secret", key.GetName())
	}
	require.Zero(t, visibility.Of([]any{item, item}).Size())
	require.Zero(t, visibility.Of([]any{"batch/spring/secret"}).Size())
}

func TestALongNameIsCutToWhatAKeywordHolds(t *testing.T) {
	all := visibility.OfBatch(strings.Repeat("ä", 200))
	batch, ok := all.GetKeyword(visibility.Batch)
	require.True(t, ok)
	require.True(t, utf8.ValidString(batch))
	require.Len(t, batch, 254)
}

func TestEachAttributeIsDeclaredWithItsType(t *testing.T) {
	declared := visibility.Declared()
	require.Len(t, declared, 7)
	require.Contains(t, declared, "MediaferryAccount=Keyword")
	require.Contains(t, declared, "MediaferrySize=Int")
}

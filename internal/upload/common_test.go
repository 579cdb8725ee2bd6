package upload_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestMessagesShareWhatTheySay(t *testing.T) {
	require.Equal(t, upload.Common(`"a.jpg" has 12 bytes`), upload.Common(`"b \"c\".jpg" has 1,234 bytes`))
	require.NotEqual(t, upload.Common("has 12 bytes"), upload.Common("lacks 12 bytes"))
	merged := upload.Merge(`"a.jpg" has 12 bytes, not 5`, `"b.jpg" has 13 bytes, not 5`)
	require.Equal(t, `"…" has … bytes, not 5`, merged)
	require.Equal(t, merged, upload.Merge(merged, `"c.jpg" has 13 bytes, not 5`), "what has been merged stays")
	require.Equal(t, "has … bytes", upload.Merge("has 1 bytes", "is empty"))
}

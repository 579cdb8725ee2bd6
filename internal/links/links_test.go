package links_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/links"
)

func TestEveryIDHasAPathThatABrowserLeavesAlone(t *testing.T) {
	for id, want := range map[string]string{
		"batch/spring/a-12":   "/items/batch/spring/a-12",
		"batch/spring/a b/ä":  "/items/batch/spring/a%20b/%C3%A4",
		"batch/spring/../x":   "/items/batch/spring%2F../x",
		"batch/spring//x?y#z": "/items/batch/spring%2F/x%3Fy%23z",
	} {
		require.Equal(t, want, links.Item(id))
	}
	require.Equal(t, "/batches/spring%20summer", links.Batch("spring summer"))
	require.Equal(t, "/accounts/a%2Fb", links.Account("a/b"))
}

package ledger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

func TestTheVersionOfASchemaIsReadWithoutChangingIt(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		current, wanted, err := ledger.SchemaVersions(t.Context(), url)
		require.NoError(t, err)
		require.Zero(t, current)
		ledgertest.Open(t, url, ledger.Options{})
		current, again, err := ledger.SchemaVersions(t.Context(), url)
		require.NoError(t, err)
		require.Equal(t, wanted, current)
		require.Equal(t, wanted, again)
	})
	none := filepath.Join(t.TempDir(), "ledger.db")
	_, _, err := ledger.SchemaVersions(t.Context(), none)
	require.NoError(t, err)
	_, err = os.Stat(none)
	require.ErrorIs(t, err, os.ErrNotExist)
}

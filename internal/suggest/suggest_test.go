package suggest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearestFindsMisspellings(t *testing.T) {
	choices := []string{"base_url", "api_key", "video", "vendor", "source", "skuIds", "entity_id", "to"}
	for name, want := range map[string]string{
		"base_ulr": "base_url", "Base_URL": "base_url", "apikey": "api_key", "vidoe": "video", "vender": "vendor",
		"sources": "source", "Source": "source", "SKU IDs": "skuIds", "entityId": "entity_id", "ot": "to",
		"secret": "", "x": "", "": "", "colour": "", "tо": "",
	} {
		require.Equal(t, want, Nearest(name, choices), name)
	}
	require.Empty(t, Nearest(strings.Repeat("a", longest+1), []string{strings.Repeat("a", longest)}))
}

func TestHintNamesTheNearestChoiceOrAll(t *testing.T) {
	require.Equal(t, "did you mean csv?", Hint("cvs", []string{"csv", "jsonl"}))
	require.Equal(t, "use one of csv, jsonl", Hint("parquet", []string{"csv", "jsonl"}))
}

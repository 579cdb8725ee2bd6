package truvideo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTitlesAreSanitizedOneForOne(t *testing.T) {
	for title, want := range map[string]string{
		"Hello: World!": "Hello__World_", "Product %%#@^&": "Product_______", "Product Lunch Video": "Product_Lunch_Video", "a.b-c_d": "a.b-c_d",
	} {
		require.Equal(t, want, sanitized(title))
	}
}

package truvideo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTruVideoLoginSignatureVector(t *testing.T) {
	require.Equal(t, "df1abbc30eca9b4ad3308681ecd4f70f850da1945ee121431d26339a23cad2ce",
		loginSignature("tv_secret", []byte(`{"timestamp":"2024-09-06T05:36:25.966Z"}`)))
}

func TestJWTIsOursOnlyWithOurKey(t *testing.T) {
	token, err := signJWT("key", map[string]any{"sub": "a"})
	require.NoError(t, err)
	claims, ok := readJWT("key", token)
	require.True(t, ok)
	require.Equal(t, "a", claims["sub"])
	_, ok = readJWT("other", token)
	require.False(t, ok)
	_, ok = readJWT("key", "nothing")
	require.False(t, ok)
}

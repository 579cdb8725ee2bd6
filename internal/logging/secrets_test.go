package logging

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestNoSecretAndNoCommandOfATerminalReachesALog(t *testing.T) {
	for _, format := range []string{"console", "json"} {
		var out bytes.Buffer
		log, _, err := New("debug", format, &out)
		require.NoError(t, err)
		log.With(zap.String("with", "token=s3cr3t")).Error("Get https://h/p?sig=s3cr3t: \x1b[31mno\u202e",
			zap.Error(errors.New("Put \"https://h/p?sig=s3cr3t\": EOF")), zap.String("text", "password=s3cr3t\x1b]0;x\x07"), zap.Any("any", struct{ Token string }{"token=s3cr3t"}))
		require.NotContains(t, out.String(), "s3cr3t", format)
		require.NotContains(t, out.String(), "\x1b", format)
		require.NotContains(t, out.String(), "\u202e", format)
		require.Contains(t, out.String(), "https://h/p", format)
	}
}

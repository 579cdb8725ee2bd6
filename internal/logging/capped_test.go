package logging_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/logging"
)

func TestALogThatNobodyNeedsTwice(t *testing.T) {
	for level, want := range map[string]int{"warn": 0, "info": 3, "debug": 4} {
		var out bytes.Buffer
		log, _, err := logging.New(level, "json", &out)
		require.NoError(t, err)
		log = logging.AtMost(log, zap.InfoLevel).With(zap.String("account", "shop"))
		log.Error("denied")
		log.Warn("unavailable")
		log.Info("paused")
		log.Debug("tried")
		require.Equal(t, want, bytes.Count(out.Bytes(), []byte(`"account":"shop"`)), level)
		require.NotContains(t, out.String(), "error")
		require.NotContains(t, out.String(), "warn")
	}
}

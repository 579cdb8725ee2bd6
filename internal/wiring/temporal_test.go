package wiring

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestTheSDKsWordsAreOneLevelLower(t *testing.T) {
	core, seen := observer.New(zap.DebugLevel)
	log := Logger(zap.New(core))
	log.Debug("of every task")
	log.Info("started", "WorkerID", "w")
	log.Warn("passes by itself")
	log.Error("something broke", "TaskQueue", "q")
	log.Error("Activity error.", "Error", "refused")
	log.Error("Activity task postprocess error: context canceled", "ActivityType", "SendPart")
	var got []string
	for _, entry := range seen.All() {
		got = append(got, entry.Level.String()+" "+entry.Message)
	}
	require.Equal(t, []string{
		"debug started", "info passes by itself", "warn something broke",
		"info Activity error.", "info Activity task postprocess error: context canceled",
	}, got)
	require.Equal(t, zapcore.Field{Key: "worker_id", Type: zapcore.StringType, String: "w"}, seen.All()[0].Context[0])
}

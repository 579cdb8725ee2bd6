package logging

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestTheLevelCanBeChangedWhileTheLogIsInUse(t *testing.T) {
	var out bytes.Buffer
	log, level, err := New("warn", "json", &out)
	require.NoError(t, err)
	log.Info("too quiet")
	require.Empty(t, out.String())
	level.SetLevel(zap.InfoLevel)
	log.Info("now", zap.String("batch", "spring"))
	var line struct{ Msg, Batch, TS string }
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, "now", line.Msg)
	require.Equal(t, "spring", line.Batch)
	_, err = time.Parse(time.RFC3339Nano, line.TS)
	require.NoError(t, err)
}

func TestUnknownLevelsAndFormatsNameTheChoices(t *testing.T) {
	_, _, err := New("loud", "json", nil)
	require.EqualError(t, err, `unknown --log-level "loud"; use debug, info, warn or error`)
	_, _, err = New("info", "xml", nil)
	require.EqualError(t, err, `unknown --log-format "xml"; use console or json`)
	var out bytes.Buffer
	log, _, err := New("info", "console", &out)
	require.NoError(t, err)
	log.Info("hello")
	require.Contains(t, out.String(), "INFO\thello")
}

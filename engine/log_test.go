package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

func TestLoggerReportsAFullDiskOnce(t *testing.T) {
	full := make(chan error, 1)
	logger := newLogger(&bytes.Buffer{}, zap.WarnLevel, full).With(zap.String("service", "history"))
	logger.Error("operation failed", zap.Error(errors.New("row already exists")))
	require.Empty(t, full)
	cause := fmt.Errorf("update: %w", errors.New("database or disk is full (13)"))
	for range 1000 { // far more than are written
		logger.Error("operation failed", zap.Error(cause))
	}
	require.Len(t, full, 1)
	require.Equal(t, cause, <-full)
}

func TestLoggerDropsRepetitions(t *testing.T) {
	var out bytes.Buffer
	logger := newLogger(&out, zap.WarnLevel, make(chan error, 1))
	for range 500 {
		logger.Warn("the same again")
	}
	logger.Info("below the level")
	logger.Warn("something else")
	text := out.String()
	// The count starts anew each second, and the loop may straddle one.
	require.LessOrEqual(t, strings.Count(text, "the same again"), 20)
	require.Contains(t, text, "something else")
	require.NotContains(t, text, "below the level")
}

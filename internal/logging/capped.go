package logging

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// AtMost returns a log whose events have at most a level: for a program that tells a
// person itself what happened, so that nothing is said twice.
func AtMost(log *zap.Logger, most zapcore.Level) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core { return capped{core, most} }))
}

type capped struct {
	zapcore.Core
	most zapcore.Level
}

// Check lowers an event's level before it is decided whether it is written.
func (c capped) Check(event zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	event.Level = min(event.Level, c.most)
	if !c.Enabled(event.Level) {
		return to
	}
	return to.AddCore(event, c.Core)
}

// With adds fields to all that is logged.
func (c capped) With(fields []zapcore.Field) zapcore.Core { return capped{c.Core.With(fields), c.most} }

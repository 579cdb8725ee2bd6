package main

import (
	"io"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger writes JSON lines to w. Of lines with one text, no more than a few a
// second are kept: a server in trouble says the same thing thousands of times,
// and the log lies on the disk that may be the trouble. The first error that
// shows a full disk is sent to full.
func newLogger(w io.Writer, level zapcore.Level, full chan<- error) *zap.Logger {
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339TimeEncoder
	core := zapcore.NewCore(zapcore.NewJSONEncoder(encoding), zapcore.Lock(zapcore.AddSync(w)), level)
	sampled := zapcore.NewSamplerWithOptions(core, time.Second, 10, 1000)
	return zap.New(&diskWatch{Core: sampled, full: full})
}

// diskWatch looks through what is logged for the error of a full disk. The
// server takes that error for one that may pass and retries for ever; its log is
// the only place where it comes out.
type diskWatch struct {
	zapcore.Core
	full chan<- error
}

func (d *diskWatch) With(fields []zapcore.Field) zapcore.Core {
	return &diskWatch{Core: d.Core.With(fields), full: d.full}
}

// Check adds the watch itself, and not the core under it, so that Write is asked
// for every line, also for those that the sampler drops.
func (d *diskWatch) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !d.Enabled(entry.Level) {
		return checked
	}
	return checked.AddCore(entry, d)
}

func (d *diskWatch) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	for _, field := range fields {
		if err, ok := field.Interface.(error); ok && isDiskFull(err) {
			d.report(err)
		}
	}
	if kept := d.Core.Check(entry, nil); kept != nil {
		kept.Write(fields...)
	}
	return nil
}

func (d *diskWatch) report(err error) {
	select {
	case d.full <- err:
	default: // one report is enough
	}
}

// isDiskFull goes by the text, since the server's layers keep only that of what
// SQLite said.
func isDiskFull(err error) bool {
	text := err.Error()
	return strings.Contains(text, "database or disk is full") || strings.Contains(text, "no space left on device")
}

// Package logging makes the log of a program. It owns the two formats, the names of
// the levels, and that no secret and nothing that a terminal would interpret reaches a
// log; what is logged, and where it goes, is the caller's.
package logging

import (
	"errors"
	"fmt"
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// New returns a log that writes to out, and the handle with which its level can
// be changed while the program runs. level is debug, info, warn or error; format
// is console, for people, or json. Any other value is an error that names the
// flag, --log-level or --log-format, and its choices.
func New(level, format string, out io.Writer) (*zap.Logger, zap.AtomicLevel, error) {
	atomic, err := zap.ParseAtomicLevel(level)
	if err != nil {
		return nil, atomic, fmt.Errorf("unknown --log-level %q; use debug, info, warn or error", level)
	}
	var encoder zapcore.Encoder
	switch format {
	case "console":
		encoding := zap.NewDevelopmentEncoderConfig()
		encoding.EncodeTime = zapcore.ISO8601TimeEncoder
		encoder = zapcore.NewConsoleEncoder(encoding)
	case "json":
		encoding := zap.NewProductionEncoderConfig()
		encoding.EncodeTime = zapcore.RFC3339NanoTimeEncoder
		encoder = zapcore.NewJSONEncoder(encoding)
	default:
		return nil, atomic, fmt.Errorf("unknown --log-format %q; use console or json", format)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(out)), atomic)
	return zap.New(careful{core}), atomic, nil
}

// careful is a core that gets no text as it is.
type careful struct{ zapcore.Core }

// With adds fields to every entry.
func (c careful) With(fields []zapcore.Field) zapcore.Core {
	return careful{c.Core.With(clean(fields))}
}

// Check adds the core to those that write an entry.
func (c careful) Check(entry zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return to.AddCore(entry, c)
	}
	return to
}

// Write writes one entry.
func (c careful) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	entry.Message = text(entry.Message)
	return c.Core.Write(entry, clean(fields))
}

// clean are fields whose texts hold no secret. An error becomes its text: its details
// would be printed as they are.
func clean(fields []zapcore.Field) []zapcore.Field {
	out := make([]zapcore.Field, len(fields))
	for i, field := range fields {
		switch field.Type {
		case zapcore.StringType:
			field.String = text(field.String)
		case zapcore.ErrorType:
			if err, ok := field.Interface.(error); ok && err != nil {
				field.Interface = errors.New(text(err.Error()))
			}
		case zapcore.StringerType, zapcore.ReflectType, zapcore.ByteStringType:
			field = zap.String(field.Key, text(fmt.Sprint(field.Interface)))
		}
		out[i] = field
	}
	return out
}

func text(raw string) string { return upload.Visible(egress.Redact(raw)) }

// Package logging makes the log of a program. It owns the two formats and the
// names of the levels; what is logged, and where it goes, is the caller's.
package logging

import (
	"fmt"
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
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
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(out)), atomic)), atomic, nil
}

package main

import (
	"io"

	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

// app is one run of the program.
type app struct {
	*opening.Session

	workers *opening.Workers
	ran     bool // the command line was understood
}

func newApp(stdout, stderr io.Writer) *app {
	session := &opening.Session{Console: output.Console{Out: stdout, Err: stderr}, Version: version}
	return &app{Session: session, workers: opening.NewWorkers(session)}
}

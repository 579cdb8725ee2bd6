package main

import (
	"io"

	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

// app is one run of the program.
type app struct {
	*opening.Session

	workers *opening.Workers
	uploads following.Uploads
	batches following.Batches
	ran     bool // the command line was understood
}

func newApp(stdout, stderr io.Writer) *app {
	session := &opening.Session{Console: output.Console{Out: stdout, Err: stderr}, Version: version}
	workers := opening.NewWorkers(session)
	return &app{Session: session, workers: workers, uploads: following.NewUploads(session, workers), batches: following.NewBatches(session, workers)}
}

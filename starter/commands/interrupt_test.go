package commands

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/starter/exit"
)

func TestTheFirstInterruptEndsACommandAndTheSecondAtOnce(t *testing.T) {
	signals, ended := make(chan os.Signal), make(chan int, 1)
	interrupted := make(chan struct{})
	status := make(chan int)
	go func() { status <- await(ended, signals, func() { close(interrupted) }) }()
	signals <- os.Interrupt
	<-interrupted
	signals <- os.Interrupt
	require.Equal(t, exit.Interrupted, <-status, "though the command goes on")

	ended <- exit.NotReady
	require.Equal(t, exit.NotReady, await(ended, signals, nil))
}

func TestAnInterruptSaysWhetherTheWorkGoesOn(t *testing.T) {
	r := newRoot("dev", io.Discard, io.Discard)
	require.Empty(t, r.parting())
	r.Parting = "stopped"
	require.Equal(t, "stopped", r.parting())
	r.Work = "the upload"
	require.Equal(t, "interrupted; run the command again to continue: the upload does not go on without it", r.parting())
}

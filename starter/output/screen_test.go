package output

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestALineThatIsDrawnOverDoesNotWrap(t *testing.T) {
	narrow := screen{terminal: true, width: func() int { return 24 }}
	var out bytes.Buffer
	all := []Upload{{Account: "truvideo"}}
	p := &Progress{screen: narrow, out: &out}
	p.Draw(all)
	p.Draw(all)
	require.Equal(t, strings.Repeat("\r\x1b[K0 of 1 items; waiting a", 2), out.String())

	require.Equal(t, "grün", screen{width: func() int { return 5 }}.fit("grünlich"))
	require.Equal(t, "whole", screen{width: func() int { return 0 }}.fit("whole"), "where the width is unknown")
}

func TestNothingThatATerminalInterpretsIsPrinted(t *testing.T) {
	var out, err bytes.Buffer
	p := Printer{Out: &out, Err: &err}
	result := upload.Result{
		State: upload.StateFailed, To: "trustoo", Source: "/media/new\nline \x1b[31m%41ü—.jpg",
		Error: &upload.Failure{Kind: upload.KindRejected, Step: upload.StepPrepare, Message: "no\rsuch\x07 thing", Hint: "ask \x1b]0;them"},
	}
	require.NoError(t, p.Item(result))
	require.NoError(t, p.Started(upload.Result{To: "trustoo", UploadID: "upload/trustoo/a", Source: result.Source}))
	require.NoError(t, p.Table([][]string{{"source", "a\tb\nc"}}))
	require.Equal(t, `failed       trustoo    -  /media/new\nline \x1b[31m%41ü—.jpg
started      trustoo    upload/trustoo/a  /media/new\nline \x1b[31m%41ü—.jpg
source  a\tb\nc
`, out.String())
	require.Equal(t, `mediaferry: /media/new\nline \x1b[31m%41ü—.jpg: rejected at prepare: no\rsuch\a thing
  ask \x1b]0;them
`, err.String())
}

func TestAMessageHoldsNothingThatATerminalInterprets(t *testing.T) {
	var out bytes.Buffer
	console := Console{Err: &out}
	console.Say("manifest %s does not exist", "a\x1b[31m\u202eb.csv")
	console.Hint("look\x07 here")
	require.Equal(t, "mediaferry: manifest a\\x1b[31m\\u202eb.csv does not exist\n  look\\a here\n", out.String())
	out.Reset()
	console.Say("%s", "two\nlines")
	require.Equal(t, "mediaferry: two\nlines\n", out.String())
}

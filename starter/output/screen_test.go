package output

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestALineIsCutAtTheWidthOfTheScreen(t *testing.T) {
	wide := func(n int) screen { return screen{size: func() (int, int) { return n, 24 }} }
	require.Equal(t, "grünli…", wide(8).fit("grünlich"))
	require.Equal(t, "whole", wide(0).fit("whole"), "where the width is unknown")
	require.Equal(t, "画像…", shortened("画像をアップロード", 6), "each takes two columns")
	require.Equal(t, 3, columns("a\u0301ü1"), "marks take none")
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

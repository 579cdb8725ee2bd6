package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// answer has a value of each sort.
type answer struct {
	ID      wire.Text   `json:"id"`
	Size    wire.Int    `json:"size"`
	Wait    wire.Float  `json:"wait"`
	Primary wire.Bool   `json:"primary"`
	Created wire.Moment `json:"created"`
	Parts   wire.List[struct {
		Number wire.Int `json:"number"`
	}] `json:"parts"`
	Fields wire.Texts `json:"fields"`
	Detail wire.Object[struct {
		Text wire.Text `json:"text"`
	}] `json:"detail"`
}

func TestAnIDIsReadWhateverStandsBesideIt(t *testing.T) {
	for _, beside := range []string{
		`"size":"900"`, `"size":900.0`, `"size":null`, `"size":{}`, `"size":[1]`, `"size":1e400`, `"size":true`,
		`"wait":"12.5"`, `"wait":[]`, `"primary":"true"`, `"primary":1`, `"primary":{}`, `"created":"2026-03-01"`, `"created":""`, `"created":{}`,
		`"parts":{}`, `"parts":null`, `"parts":"x"`, `"parts":["x",{"number":"2"}]`, `"fields":[]`, `"fields":{"a":{}}`,
		`"detail":"text"`, `"detail":[]`, `"detail":null`, `"new":{"deep":[1,2]}`,
	} {
		for _, id := range []string{`"7"`, `7`} {
			var got answer
			a := wire.Answer{Status: 200, Body: []byte("\ufeff{" + beside + `,"id":` + id + `}`)}
			require.NoError(t, a.Decode(&got), beside)
			require.Equal(t, wire.Text("7"), got.ID, beside)
			require.False(t, a.Foreign())
		}
	}
}

func TestValuesAreReadInAnyUsualForm(t *testing.T) {
	var got answer
	require.NoError(t, json.Unmarshal([]byte(`{"id":true,"size":"900.9","wait":"12.5","primary":"TRUE","parts":[{"number":1},7,{"number":"2"}],"fields":{"key":"k","n":7,"empty":"","odd":{}},"detail":{"text":"x"}}`), &got))
	require.Equal(t, wire.Text("true"), got.ID)
	require.Equal(t, wire.Int(900), got.Size)
	require.InDelta(t, 12.5, float64(got.Wait), 0)
	require.True(t, bool(got.Primary))
	require.Len(t, got.Parts, 2)
	require.Equal(t, wire.Int(2), got.Parts[1].Number)
	require.Equal(t, wire.Texts{"key": "k", "n": "7", "empty": ""}, got.Fields)
	require.Equal(t, wire.Text("x"), got.Detail.Value.Text)
}

func TestWordsForPeopleAreReadInAnyShape(t *testing.T) {
	for raw, want := range map[string]string{
		`"plain"`: "plain", `null`: "", `7`: "7", `""`: "", `{}`: "", `[]`: "", `[null,{}]`: "",
		`["one","two"]`: "one; two", `{"message":"this"}`: "this", `{"detail":{"message":"deep"}}`: "deep",
		`[{"message":"one"},"two"]`: "one; two", `{ "field" : [ 1 ] }`: `{"field":[1]}`,
	} {
		var said wire.Said
		require.NoError(t, json.Unmarshal([]byte(raw), &said), raw)
		require.Equal(t, want, string(said), raw)
	}
}

func TestTimesAreReadInAnyUsualForm(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, raw := range []string{
		`"2026-03-01T12:00:00Z"`, `"2026-03-01T13:00:00+01:00"`, `"2026-03-01T13:00:00+0100"`, `"2026-03-01T12:00:00.000Z"`, `"2026-03-01T12:00:00"`,
		`"2026-03-01T12:00:00.000000"`, `"2026-03-01 12:00:00"`, `"2026-03-01 12:00:00+00:00"`, `"2026-03-01 12:00:00 UTC"`, `"2026-03-01T12:00"`,
		`"Sun, 01 Mar 2026 12:00:00 GMT"`, `1772366400`, `"1772366400"`, `1772366400.25`, `1772366400000`, `"1772366400000"`,
	} {
		var m wire.Moment
		require.NoError(t, json.Unmarshal([]byte(raw), &m))
		require.True(t, at.Equal(m.Truncate(time.Second)), "%s is %s", raw, m)
	}
	for _, raw := range []string{`null`, `""`, `"soon"`, `{}`, `[]`, `true`, `-5`, `0`, `1e300`, `"NaN"`} {
		var m wire.Moment
		require.NoError(t, json.Unmarshal([]byte(raw), &m))
		require.Zero(t, m, raw)
	}
}

func TestWhoSpokeIsToldByTheShapeOfTheAnswer(t *testing.T) {
	for body, foreign := range map[string]bool{
		`{}`: false, "\ufeff{\"a\":1}": false, " \r\n{\"a\":\"\xff\"}": false,
		"": true, "<html></html>": true, "[]": true, `"x"`: true, `{"a":`: true, "Forbidden": true,
	} {
		require.Equal(t, foreign, wire.Answer{Body: []byte(body)}.Foreign(), "%q", body)
	}
}

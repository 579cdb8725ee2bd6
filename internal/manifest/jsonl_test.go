package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestValuesOfJSONKeepTheirTypes(t *testing.T) {
	got := readText(t, `
{"source":"a.jpg","to":"trustana","skuIds":["a|b","c"],"addToMediaGallery":true,"id":null,"fileName":""}

{"source":"b.mp4","to":"truvideo","duration":1500,"isLibrary":false,"tags":{"brand":"x","size":"L"},"metadata.shop":"eu","title":"line\nbreak"}
{"source":"c.jpg","to":"trustana","skuIds":"d|e","addToMediaGallery":"yes"}`)
	require.Empty(t, got.problems())
	require.Equal(t, manifest.JSONLines, got.layout.Format)
	require.Equal(t, upload.Fields{"skuIds": []any{"a|b", "c"}, "addToMediaGallery": true}, got.rows[0].Item.Fields)
	require.Equal(t, upload.Fields{
		"duration": float64(1500), "isLibrary": false, "tags": map[string]any{"brand": "x", "size": "L"},
		"metadata": map[string]any{"shop": "eu"}, "title": "line\nbreak",
	}, got.rows[1].Item.Fields)
	require.Equal(t, upload.Fields{"skuIds": []any{"d", "e"}, "addToMediaGallery": true}, got.rows[2].Item.Fields)
	require.Equal(t, []int{2, 4, 5}, []int{got.rows[0].Line(), got.rows[1].Line(), got.rows[2].Line()})
	require.Equal(t, []string{"source", "to", "skuIds", "addToMediaGallery", "duration", "isLibrary", "tags", "metadata.shop", "title"}, got.layout.Columns)
}

func TestALineThatIsNoObjectIsTold(t *testing.T) {
	for name, c := range map[string]struct{ line, says string }{
		"a comma before the brace":      {`{"source":"x.jpg","to":"trustana",}`, `there is an extra comma before it (remove the comma after the last value)`},
		"a comma after the object":      {`{"source":"x.jpg","to":"trustana"},`, `the line continues after its object with ","`},
		"two objects":                   {`{"source":"x.jpg"} {"source":"y.jpg"}`, `the line continues after its object with "{\"source\":\"y"`},
		"an array":                      {`["x.jpg","trustana"]`, `the line is not a JSON object; it starts with "[\"x.jpg\",\"tr"`},
		"a bare text":                   {`"x.jpg"`, `the line is not a JSON object`},
		"a line of CSV":                 {`x.jpg,trustana`, `the line is not a JSON object; it starts with "x.jpg,trusta"`},
		"a line that breaks off":        {`{"source":"x.jpg","to":"trus`, `the JSON object is incomplete`},
		"an object that goes on":        {`{"source":"x.jpg",`, `the JSON object is incomplete`},
		"single quotes":                 {`{'source':'x.jpg'}`, `invalid JSON at character 2, near "'source':'x."`},
		"a key without quotes":          {`{source:"x.jpg"}`, `invalid JSON at character 2`},
		"a colon that is missing":       {`{"source" "x.jpg"}`, `invalid JSON at character 11`},
		"a key twice":                   {`{"source":"x.jpg","source":"y.jpg"}`, `source: duplicate key "source" in the object`},
		"a key twice in an object":      {`{"source":"x.mp4","tags":{"a":{"b":1,"b":2}}}`, `tags: duplicate key "b" in the object`},
		"a key twice in a list":         {`{"source":"x.mp4","metadata":{"a":[{"b":1},{"c":1,"c":2}]}}`, `metadata: duplicate key "c" in the object`},
		"a key that cannot be seen":     {"{\"to\u200b\":\"x\"}", `the key contains an invisible character`},
		"a key of bytes":                {"{\"t\xfco\":\"x\"}", `the key contains an invisible character`},
		"a signed URL as a key":         {`{"https://x.example/a?sig=geheim":"x"}`, `https://x.example/a: unknown column`},
		"a key without end":             {`{"` + strings.Repeat("k", 300) + `":"x"}`, `the key has 300 bytes but may have at most 200`},
		"an empty key":                  {`{"":"x.jpg"}`, `the object has an empty key`},
		"a key that nobody has":         {`{"source":"x.jpg","to":"trustana","skuId":"1"}`, `skuId: unknown column (did you mean skuIds?)`},
		"a number for a text":           {`{"source":"x.jpg","to":"closient","organization_id":"24WX8VvHKeUCL5Vb3qSGyW","gtin":4006381333931}`, `gtin: "4006381333931" is not of type text (put it in quotes, because a number loses its leading zeros)`},
		"a number for an id":            {`{"source":"x.jpg","to":"trustana","id":12}`, `id: "12" is not a string (put it in quotes, because a number loses its leading zeros)`},
		"a list for a source":           {`{"source":["x.jpg"],"to":"trustana"}`, `source: "[\"x.jpg\"]" is not a string (put it in quotes)`},
		"an object for a truth":         {`{"source":"x.jpg","to":"trustana","addToMediaGallery":{}}`, `addToMediaGallery: "{}" is not of type boolean`},
		"a truth for a list":            {`{"source":"x.jpg","to":"trustana","skuIds":true}`, `skuIds: "true" is not of type list`},
		"a number in a list":            {`{"source":"x.jpg","to":"trustana","skuIds":[1]}`, `skuIds: member 1 is not text; put it in quotes`},
		"a fraction for a whole number": {`{"source":"x.mp4","to":"truvideo","duration":1.5}`, `duration: "1.5" is not a whole number`},
		"a number for a dotted key":     {`{"source":"x.mp4","to":"truvideo","tags.a":1}`, `tags.a: "1" is not of type object`},
		"half a character":              {`{"source":"x\ud800.jpg","to":"trustana"}`, `source: contains U+FFFD`},
		"bytes that are no text":        {"{\"source\":\"x\xfc.jpg\",\"to\":\"trustana\"}", `contains`},
		"a row without end":             {`{"source":"x.jpg","to":"` + strings.Repeat("x", 1<<20) + `"}`, `longer than 1048576 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			got := readText(t, "{\"source\":\"first.jpg\",\"to\":\"trustana\"}\n"+c.line+"\n{\"source\":\"last.jpg\",\"to\":\"trustana\"}\n")
			require.Len(t, got.rows, 3)
			require.True(t, got.rows[0].Valid())
			require.True(t, got.rows[2].Valid())
			require.False(t, got.rows[1].Valid())
			require.Contains(t, got.rows[1].Problems[0].String(), "line 2: ")
			require.Contains(t, got.rows[1].Problems[0].String(), c.says)
			require.NotEmpty(t, got.rows[1].Problems[0].Hint)
		})
	}
}

func TestAMistypedFieldIsNotCalledMissingAsWell(t *testing.T) {
	got := readText(t, `{"source":"x.jpg","to":"closient","organization_id":"24WX8VvHKeUCL5Vb3qSGyW","gtin":4006381333931}`)
	require.Len(t, got.problems(), 1)
}

func TestKeysWithoutNumberAreRefused(t *testing.T) {
	var b strings.Builder
	for i := range 1100 {
		fmt.Fprintf(&b, "{\"source\":\"%d.mp4\",\"to\":\"truvideo\",\"tags.k%d\":\"x\"}\n", i, i)
	}
	got := readText(t, b.String())
	require.Len(t, got.layout.Columns, 1000)
	require.True(t, got.rows[997].Valid())
	require.Contains(t, got.rows[998].Problems[0].String(), `tags.k998: the manifest already has 1000 different keys`)
}

func TestANameDecidesOnlyWhereTheContentDoesNot(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		want       manifest.Format
	}{
		"JSON Lines in a file called CSV":                     {"m.csv", `{"source":"a.jpg","to":"trustana"}`, manifest.JSONLines},
		"CSV in a file called JSON Lines":                     {"m.jsonl", "source,to\na.jpg,trustana\n", manifest.CSV},
		"JSON Lines whose first line is broken":               {"m.jsonl", "\"source\":\"a.jpg\"\n{\"source\":\"a.jpg\",\"to\":\"trustana\"}", manifest.JSONLines},
		"JSON Lines in UTF-16":                                {"m.txt", utf16Of("{\"source\":\"a.jpg\",\"to\":\"trustana\"}\r\n", false, true), manifest.JSONLines},
		"JSON Lines with a mark and blank lines in front":     {"m", "\ufeff\n\n{\"source\":\"a.jpg\",\"to\":\"trustana\"}", manifest.JSONLines},
		"JSON Lines that were put together, marks in between": {"m", "{\"source\":\"a.jpg\",\"to\":\"trustana\"}\n\ufeff{\"source\":\"b.jpg\",\"to\":\"trustana\"}", manifest.JSONLines},
	} {
		t.Run(name, func(t *testing.T) {
			_, options := placed("")
			place := manifest.Place{Source: home + "/" + c.file, Base: home}
			options.Opener = shelf{files: map[string]*content{place.Source: written(c.text)}}
			got := readAll(t, place, options)
			require.Equal(t, c.want, got.layout.Format)
			last := got.rows[len(got.rows)-1]
			require.Empty(t, last.Problems)
		})
	}
}

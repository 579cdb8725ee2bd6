package manifest_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestARowThatRepeatsAnotherNamesItsLine(t *testing.T) {
	product := "closient," + organization + ",4006381333931,"
	for name, c := range map[string]struct {
		text, says string
		warning    bool
	}{
		"the same id":                               {"source,to,id\na.jpg,trustana,one\nb.jpg,trustana,one\n", `line 3: id: duplicate id "one", first used in line 2 (give each row its own id, or remove one of the two)`, false},
		"the same id, of a row that is wrong":       {"source,to,id\na.txt,trustana,one\nb.jpg,trustana,one\n", `line 3: id: duplicate id "one", first used in line 2`, false},
		"the same row":                              {"source,to,skuIds\na.jpg,trustana,x\n./a.jpg,trustana,x\n", `line 3: source: duplicate of line 2, with the same account, source and fields (remove one of the two`, false},
		"the same row, signed anew":                 {"source,to\nhttps://x.example/a.jpg?X-Amz-Signature=1,trustana\nhttps://x.example/a.jpg?X-Amz-Signature=2,trustana\n", `line 3: source: duplicate of line 2, with the same account, source and fields`, false},
		"the same under two ids":                    {"source,to,id\na.jpg,trustana,one\na.jpg,trustana,two\n", `line 3: source: duplicate of line 2, with another id`, true},
		"the same with an id and then without":      {"source,to,id\na.jpg,trustana,one\na.jpg,trustana,\n", `line 3: source: duplicate of line 2, with another id`, true},
		"the same without an id and then with":      {"source,to,id\na.jpg,trustana,\na.jpg,trustana,one\n", `line 3: source: duplicate of line 2, with another id`, true},
		"two primary images":                        {"source,to,organization_id,gtin,is_primary\na.jpg," + product + "true\nb.jpg," + product + "yes\n", `line 3: is_primary: line 2 already has the primary image of "4006381333931" (set is_primary in only one row of a product)`, false},
		"two primary images, one with zeros":        {"source,to,organization_id,gtin,is_primary\na.jpg," + product + "true\nb.jpg,closient," + organization + ",04006381333931,true\n", `line 3: is_primary: line 2 already has the primary image of "04006381333931"`, false},
		"an id that was derived for another row":    {"source,to,id\na.jpg,trustana,\nb.jpg,trustana," + upload.DeriveID("trustana", home+"/a.jpg", nil) + "\n", `first used in line 2`, false},
		"nothing: other fields":                     {"source,to,skuIds\na.jpg,trustana,x\na.jpg,trustana,y\n", "", false},
		"nothing: another account":                  {"source,to\na.jpg,trustana\na.jpg,trustoo\n", "", false},
		"nothing: a primary image beside others":    {"source,to,organization_id,gtin,is_primary\na.jpg," + product + "true\nb.jpg," + product + "false\nc.jpg," + product + "\n", "", false},
		"nothing: primary images of two accounts":   {"source,to,organization_id,gtin,is_primary\na.jpg," + product + "true\nb.jpg,closient-eu," + organization + ",4006381333931,true\n", "", false},
		"nothing: primary images that are refused":  {"source,to,organization_id,gtin,is_primary,id\na.txt," + product + "true,one\nb.jpg," + product + "true,two\n", "", false},
		"nothing: the same twice, and both refused": {"source,to\na.txt,trustana\na.txt,trustana\n", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := readText(t, c.text)
			if c.says == "" {
				for _, p := range got.problems() {
					require.Equal(t, manifest.SortFormat, p.Sort)
				}
				return
			}
			last := got.rows[1]
			require.Len(t, last.Problems, 1)
			require.Contains(t, last.Problems[0].String(), c.says)
			require.Equal(t, c.warning, last.Valid())
			require.NotEqual(t, got.rows[0].Item.UploadID, last.Item.UploadID, "one result would hide the other")
		})
	}
}

func TestMoreRepeatsThanCanBeCarriedAreTold(t *testing.T) {
	text := "source,to\n" + strings.Repeat("a.jpg,trustana\n", 20_002)
	place, options := placed(text)
	r, err := manifest.Open(t.Context(), place, options)
	require.NoError(t, err)
	_, err = r.Layout()
	require.Equal(t, upload.KindInternal, upload.KindOf(err), "it was not read to its end")
	var wrong manifest.Collected
	for {
		row, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		wrong.AddRow(row)
	}
	require.Equal(t, 20_001, wrong.Refused)
	_, err = r.Layout()
	require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	require.ErrorContains(t, err, "has 20001 duplicate rows; at most 20000 can be skipped")

	place, options = placed("source,to\n" + strings.Repeat("a.jpg,trustana\n", 2000))
	got := readAll(t, place, options)
	require.Less(t, len(got.layout.Repeats), 5*2000)
	page, err := manifest.ReadPage(t.Context(), got.layout, got.rows[1900].At, 100, options)
	require.NoError(t, err)
	require.Equal(t, plain(got.rows[1900:]), plain(page.Rows))
}

// plain is rows without what belongs to one reading, nor its warnings of other
// rows.
func plain(rows []manifest.Row) []string {
	out := make([]string, 0, len(rows))
	for _, row := range rows {
		var told []string
		for _, p := range row.Problems {
			if p.Sort != manifest.SortRepeat || !p.Warning {
				told = append(told, p.String())
			}
		}
		out = append(out, fmt.Sprintf("%+v %+v %q %+v %q", row.At, row.Item, told, row.Cells, row.Text))
	}
	return out
}

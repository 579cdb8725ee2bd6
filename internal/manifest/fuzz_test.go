package manifest_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// FuzzManifest holds, whatever the bytes: reading ends, with errors that are
// understood; every row has an identity of its own and every problem a line and
// a remedy; pages give what the whole gave; and rows that could be taken apart
// read back from a copy as the same cells.
func FuzzManifest(f *testing.F) {
	// Short seeds: the fuzzer tries to make each shorter still, in as many ways as
	// the square of its length.
	seeds := []string{
		"sep=;\nsource;to\n\"a\r\nb\";x\"\"y\"\n", "source\r\"a\nb\"\rc\r", "source\tto\n a\t\"b\t\" \n", "source,to\n\"a,b\n\"\"c\n",
		"source,id\na.jpg,1\na.jpg,1\n", "source\na.jpg\na.jpg\n", "source,\"skuIds\"\na.jpg,a|b\n", "source,gr\xfc\n\xfc,\n",
		`{"source":"a.jpg","skuIds":["a|b"]}`, `{"tags":{"a":1}}` + "\n{\"source\":1,}\n[]\n",
		utf16Of("source\na.jpg\n", true, true), utf16Of("{\"to\":\"x\"}\n", false, false),
	}
	for _, seed := range seeds {
		f.Add([]byte(seed), "trustana")
	}
	f.Fuzz(func(t *testing.T, data []byte, to string) {
		if len(data) == 0 || len(data) > 1<<16 {
			return
		}
		place, options := placed(string(data))
		options.To = to
		got, ok := tryAll(t, place, options)
		if !ok {
			return
		}
		checkRows(t, got.rows)
		for _, size := range []int{1, 3} {
			var rows []manifest.Row
			for at, end := got.layout.Start, false; !end; {
				page, err := manifest.ReadPage(t.Context(), got.layout, at, size, options)
				require.NoError(t, err)
				rows = append(rows, page.Rows...)
				at, end = page.Next, page.End
			}
			require.Equal(t, plain(got.rows), plain(rows))
		}
		checkCopy(t, got, options)
	})
}

func tryAll(t *testing.T, place manifest.Place, options manifest.Options) (all reading, ok bool) {
	r, err := manifest.Open(t.Context(), place, options)
	if err != nil {
		checkRefusal(t, err)
		return all, false
	}
	all.header = r.Header()
	for {
		row, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			checkRefusal(t, err)
			return all, false
		}
		all.rows = append(all.rows, row)
	}
	all.layout, err = r.Layout()
	require.NoError(t, err)
	return all, true
}

func checkRefusal(t *testing.T, err error) {
	var e *upload.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, upload.KindInvalid, e.Kind)
	require.NotEmpty(t, e.Hint)
}

func checkRows(t *testing.T, rows []manifest.Row) {
	ids, last := map[string]bool{}, 0
	for i, row := range rows {
		require.False(t, ids[row.Item.UploadID])
		ids[row.Item.UploadID] = true
		require.Greater(t, row.Line(), last)
		last = row.Line()
		require.Equal(t, i, row.At.Row)
		require.Equal(t, row.Valid(), row.Err() == nil)
		for _, p := range row.Problems {
			require.Equal(t, row.Line(), p.Line)
			require.NotEmpty(t, p.Message)
			require.NotEmpty(t, p.Hint)
		}
		if row.Valid() {
			require.NotEmpty(t, row.Item.Source)
			require.NotEmpty(t, row.Item.Vendor)
			require.NoError(t, upload.CheckID(row.Item.ID))
		}
	}
}

// checkCopy writes the cells as they were given, and reads them again.
func checkCopy(t *testing.T, got reading, options manifest.Options) {
	var out bytes.Buffer
	var want [][]manifest.Cell
	if got.layout.Format == manifest.CSV && slices.ContainsFunc(got.header, func(p manifest.Problem) bool { return p.Sort == manifest.SortColumn }) {
		return // its rows are never run, and nobody copies them
	}
	w, err := manifest.NewWriter(&out, got.layout.Form())
	require.NoError(t, err)
	for _, row := range got.rows {
		if len(row.Cells) > 0 {
			require.NoError(t, w.Write(row.Cells))
			want = append(want, row.Cells)
		}
	}
	require.NoError(t, w.Flush())
	if len(want) == 0 {
		return
	}
	place := manifest.Place{Source: home + "/copy" + got.layout.Form().Extension(), Base: home}
	options.Opener = shelf{files: map[string]*content{place.Source: written(out.String())}}
	again, ok := tryAll(t, place, options)
	require.True(t, ok)
	require.Len(t, again.rows, len(want))
	for i, row := range again.rows {
		require.Equal(t, texts(want[i]), texts(row.Cells), out.String())
	}
}

// texts are the cells by column, without what a terminal obeys: a copy has other
// characters in its place.
func texts(cells []manifest.Cell) map[string]string {
	all := map[string]string{}
	for _, cell := range cells {
		all[cell.Column] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) {
				return utf8.RuneError
			}
			return r
		}, cell.Text)
	}
	return all
}

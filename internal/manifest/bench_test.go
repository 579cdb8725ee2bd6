package manifest_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
)

// generated is a manifest of any number of rows, each of the same length, that
// exists nowhere: its bytes are made when they are read.
type generated struct {
	header string
	row    func(n int) string
	width  int
}

func (g generated) content(rows int) *content {
	return &content{size: int64(len(g.header) + rows*g.width), fingerprint: fmt.Sprint(rows, " rows"), at: g}
}

func (g generated) ReadAt(p []byte, offset int64) (int, error) {
	n := 0
	if offset < int64(len(g.header)) {
		n = copy(p, g.header[offset:])
	}
	for n < len(p) {
		at := offset + int64(n) - int64(len(g.header))
		n += copy(p[n:], g.row(int(at / int64(g.width)))[at%int64(g.width):])
	}
	return n, nil
}

// catalogues are manifests as they come: without ids, with ids, and the worst
// for memory: with ids, and each the primary image of its product.
var catalogues = map[string]generated{
	"CSV without ids": sized("source,to,skuIds,addToMediaGallery\n", func(n int) string {
		return fmt.Sprintf("img/%04d/%07d.jpg,trustana,SKU-%07d|SKU-%07d-b,true\n", n/1000, n, n, n)
	}),
	"CSV with ids": sized("source,to,id,skuIds\n", func(n int) string {
		return fmt.Sprintf("https://cdn.example/img/%07d.jpg?X-Amz-Signature=0123456789abcdef,trustana,item-%07d,SKU-%07d\n", n, n, n)
	}),
	"CSV with ids and primary images": sized("source,to,id,organization_id,gtin,is_primary\n", func(n int) string {
		return fmt.Sprintf("s3://bucket/img/%07d.jpg,closient,item-%07d,%s,%s,true\n", n, n, organization, gtin(n))
	}),
	"JSON Lines": sized("", func(n int) string {
		return fmt.Sprintf("{\"source\":\"img/%07d.mp4\",\"to\":\"truvideo\",\"title\":\"Film %07d\",\"duration\":15000,\"tags\":{\"brand\":\"x\"}}\n", n, n)
	}),
}

// gtin is the n-th of many GTINs.
func gtin(n int) string {
	digits := fmt.Sprintf("40063%07d", n)
	sum := 0
	for i, d := range digits {
		sum += int(d-'0') * (1 + i%2*2)
	}
	return fmt.Sprint(digits, (10-sum%10)%10)
}

func sized(header string, row func(n int) string) generated {
	return generated{header: header, row: row, width: len(row(0))}
}

// inspect reads a manifest of so many rows, and returns how much more of the
// heap is live at its end than at its beginning.
func inspect(t testing.TB, g generated, rows int) uint64 {
	place, options := placed("")
	options.Opener = shelf{files: map[string]*content{place.Source: g.content(rows)}}
	before := live()
	r, err := manifest.Open(t.Context(), place, options)
	require.NoError(t, err)
	for n := 0; ; n++ {
		row, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			require.Equal(t, rows, n)
			break
		}
		if err != nil || len(row.Problems) > 0 {
			t.Fatalf("row %d: %v %v", n, err, row.Problems)
		}
	}
	after := live()
	require.NoError(t, r.Close())
	runtime.KeepAlive(r)
	return after - min(before, after)
}

func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestARowTakesFewBytesOfMemory(t *testing.T) {
	const fixed = 1 << 20 // buffers, columns, accounts
	for name, c := range map[string]struct {
		rows  int
		texts uint64 // that are remembered of each row
	}{
		"CSV without ids": {100_000, 1}, "CSV with ids": {20_000, 2}, "CSV with ids and primary images": {100_000, 3}, "JSON Lines": {20_000, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := inspect(t, catalogues[name], c.rows)
			t.Logf("%d rows: %d bytes", c.rows, got)
			require.LessOrEqual(t, got, c.texts*uint64(c.rows)*25+fixed)
		})
	}
}

func BenchmarkMillionRows(b *testing.B) {
	const rows = 1_000_000
	for name, g := range catalogues {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				held := inspect(b, g, rows)
				b.ReportMetric(float64(held)/(1<<20), "MiB-held")
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkPageInTheMiddle(b *testing.B) {
	g := catalogues["CSV with ids"]
	place, options := placed("")
	options.Opener = shelf{files: map[string]*content{place.Source: g.content(100_000)}}
	layout := readAll(b, place, options).layout
	at := manifest.Position{Row: 50_000, Line: 50_002, Offset: int64(len(g.header) + 50_000*g.width)}
	for b.Loop() {
		page, err := manifest.ReadPage(b.Context(), layout, at, 500, options)
		require.NoError(b, err)
		require.Len(b, page.Rows, 500)
	}
}

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// catalogue is a manifest with its media, no two of them alike.
type catalogue struct {
	manifest string
	rows     map[string]catalogued // by the row's id
}

type catalogued struct{ vendor, path, sum string }

// share is how many rows of a catalogue go to one vendor.
type share struct {
	vendor string
	rows   int
}

// columns are those of every catalogue.
func columns() []string {
	return []string{"source", "to", "id", "entity_id", "organization_id", "gtin"}
}

// catalogue writes a manifest and a picture of about size bytes for each of its
// rows. The vendors take turns, as they do in a shop's own list.
func (p *place) catalogue(name string, size int, shares ...share) catalogue {
	p.t.Helper()
	c := catalogue{manifest: filepath.Join(p.media, name+".csv"), rows: map[string]catalogued{}}
	folder := filepath.Join(p.media, name)
	require.NoError(p.t, os.Mkdir(folder, 0o700))
	table := [][]string{columns()}
	for turn, more := 0, true; more; turn++ {
		more = false
		for _, s := range shares {
			if turn >= s.rows {
				continue
			}
			more = true
			id := fmt.Sprintf("%s-%d", s.vendor, turn)
			raw := picture(p.t, name+"/"+id, size)
			path := filepath.Join(folder, id+".jpg")
			require.NoError(p.t, os.WriteFile(path, raw, 0o600))
			sum := sha256.Sum256(raw)
			c.rows[id] = catalogued{s.vendor, path, hex.EncodeToString(sum[:])}
			table = append(table, rowOf(s.vendor, id, path))
		}
	}
	writeTable(p.t, c.manifest, table)
	return c
}

// add appends a row for a medium that is there.
func (c catalogue) add(t *testing.T, vendor, id, path string) {
	t.Helper()
	raw, err := os.ReadFile(c.manifest)
	require.NoError(t, err)
	table, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	require.NoError(t, err)
	writeTable(t, c.manifest, append(table, rowOf(vendor, id, path)))
	c.rows[id] = catalogued{vendor, path, sum(t, path)}
}

func writeTable(t *testing.T, path string, table [][]string) {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, csv.NewWriter(&text).WriteAll(table))
	require.NoError(t, os.WriteFile(path, text.Bytes(), 0o600))
}

// rowOf is a row with all that its vendor needs.
func rowOf(vendor, id, path string) []string {
	row := []string{path, vendor, id, "", "", ""}
	switch vendor {
	case "sitoo":
		row[3] = "S1|SKU|DAMAGED|" + id
	case "closient":
		row[4], row[5] = sandboxOrganization(), "4006381333931"
	}
	return row
}

// picture is a JPEG that any decoder takes, filled up with comments of noise. The
// same name and size give the same.
func picture(t *testing.T, name string, size int) []byte {
	t.Helper()
	var drawn bytes.Buffer
	require.NoError(t, jpeg.Encode(&drawn, image.NewGray(image.Rect(0, 0, 8, 8)), nil))
	noise := rand.NewChaCha8(sha256.Sum256([]byte(name)))
	whole := bytes.Clone(drawn.Bytes()[:2]) // the mark of a JPEG; comments may follow
	const most, head = 60_000, 4
	for left := max(size-drawn.Len(), 64); left > 0; left -= most {
		body := make([]byte, min(left, most))
		_, _ = noise.Read(body) // it never fails
		whole = append(whole, 0xff, 0xfe)
		whole = binary.BigEndian.AppendUint16(whole, uint16(len(body)+head-2)) // at most 60,002
		whole = append(whole, body...)
	}
	return append(whole, drawn.Bytes()[2:]...)
}

// quick makes the box's accounts the place's, with trustana as fast as its box,
// and the box without limits and with so much processing.
func (p *place) quick(box control, processing, more string) {
	p.t.Helper()
	accounts, err := os.ReadFile(filepath.Join(p.dir, "box", "sandbox.yaml"))
	require.NoError(p.t, err)
	file := filepath.Join(p.dir, "mediaferry.yaml")
	require.NoError(p.t, os.WriteFile(file, []byte(unmetered(string(accounts))+more), 0o600))
	p.env = append(p.env, "MEDIAFERRY_CONFIG="+file)
	box.unlimited(processing)
}

// unmetered lets an account make calls that its vendor's own page would not like.
func unmetered(accounts string) string {
	return strings.Replace(accounts, "    vendor: trustana\n", "    vendor: trustana\n    requests_per_second: 5000\n", 1)
}

// unlimited takes the vendors' limits and their work on images away, but for the
// time that it takes.
func (c control) unlimited(processing string) {
	c.t.Helper()
	c.configure(map[string]any{
		"trustana": map[string]any{"requests_per_second": 0, "processing": processing},
		"sitoo":    map[string]any{"queue": "0s", "processing": processing, "skip_images": true},
		"closient": map[string]any{"per_minute": 0, "per_day": 0},
	})
}

// report is a batch's report, a line for each row.
func (p *place) report(batch string) []upload.Result {
	p.t.Helper()
	return results(p.t, p.do("batch", "report", batch, "--format", "jsonl"))
}

// delivered makes sure that each row of a batch ended once and well, and that its
// vendor has its bytes once, under the ID that the report names.
func (c catalogue) delivered(t *testing.T, box control, lines []upload.Result) {
	t.Helper()
	require.Len(t, lines, len(c.rows))
	has := visible(box.ledger())
	seen := map[string]bool{}
	for _, line := range lines {
		row, known := c.rows[line.Item]
		require.True(t, known, line.Item)
		require.False(t, seen[line.Item], "%s is in the report twice", line.Item)
		seen[line.Item] = true
		require.Equal(t, upload.StateReady, line.State, "%s: %+v", line.Item, line.Error)
		media := has[row.vendor][row.sum]
		require.Len(t, media, 1, "media of %s at %s", line.Item, row.vendor)
		require.EqualValues(t, media[0], line.MediaID, line.Item)
	}
	for vendor, media := range has {
		n := 0
		for _, row := range c.rows {
			if row.vendor == vendor {
				n++
			}
		}
		require.Len(t, media, n, "media at %s", vendor)
	}
}

// visible are the IDs of the media that a person would see, by vendor and by the
// checksum of what was sent.
func visible(books sandbox.Ledger) map[string]map[string][]string {
	has := map[string]map[string][]string{}
	for _, m := range books.Media {
		if !m.Visible {
			continue
		}
		if has[m.Vendor] == nil {
			has[m.Vendor] = map[string][]string{}
		}
		has[m.Vendor][m.SHA256] = append(has[m.Vendor][m.SHA256], identified(m))
	}
	return has
}

// identified is what a result calls a medium: the vendor's word for it, or where
// there is none its key.
func identified(m sandbox.Medium) string {
	if m.MediaID == "" {
		return m.Key
	}
	return m.MediaID
}

// all are the requests that the sandbox keeps, but for those to its control API.
func (c control) all() (seen []sandbox.Request) {
	c.t.Helper()
	c.call(http.MethodGet, "requests", nil, &seen)
	return seen
}

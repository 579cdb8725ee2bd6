package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/crc64"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/samples"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAMovedSourceIsHeldAgainstWhatWasSent(t *testing.T) {
	film, err := fs.ReadFile(samples.Files(), samples.Clip)
	require.NoError(t, err)
	half := int64(len(film) / 2)
	sum := func(b []byte) string { return upload.FormatCRC64(crc64.Checksum(b, upload.CRC64Table)) }
	whole := sha256.Sum256(film)
	content := upload.Content{Size: int64(len(film)), Type: "video/mp4", Fingerprint: "elsewhere"}
	known := content
	known.SHA256 = hex.EncodeToString(whole[:])
	sent := []upload.Part{
		{Number: 1, Size: half, ETag: "a", CRC64: sum(film[:half])},
		{Number: 2, Offset: half, Size: int64(len(film)) - half, ETag: "b", CRC64: sum(film[half:])},
	}
	other := func(at int64) []byte {
		b := append([]byte(nil), film...)
		b[at] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		bytes   []byte
		content upload.Content
		parts   []upload.Part
		by      string
		refused string
	}{
		"the same, by its parts":            {film, content, sent, "CRC-64 of the 2 parts that the store has", ""},
		"the same, by the whole":            {film, known, sent, "SHA-256 of the whole file", ""},
		"nothing was sent":                  {film, content, nil, "size and type only, because nothing has been sent yet", ""},
		"another in a part that was sent":   {other(half + 100), content, sent, "", "part 2, bytes"},
		"another in what was not sent yet":  {other(half + 100), content, sent[:1], "CRC-64 of the 1 parts that the store has", ""},
		"another anywhere, where it counts": {other(half + 100), known, sent[:1], "", "has SHA-256"},
		"a longer one":                      {append(other(0)[:0:0], append(film, 0)...), content, sent, "", "bytes, but the source has"},
		"of another type":                   {append([]byte("%PDF-1.7\n"), film[9:]...), content, sent, "", "the file is not the same"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "film.mp4")
			if c.content.Type == "video/mp4" && string(c.bytes[:4]) == "%PDF" {
				path = filepath.Join(t.TempDir(), "film.pdf")
			}
			require.NoError(t, os.WriteFile(path, c.bytes, 0o600))
			s := &Steps{Sources: sources.New(sources.Options{})}
			proved, err := s.Prove(t.Context(), upload.Prove{Item: upload.Item{Source: path}, Content: c.content, Parts: c.parts})
			if c.refused != "" {
				require.Equal(t, upload.KindInvalid, upload.KindOf(err))
				require.ErrorContains(t, err, c.refused)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.by, proved.By)
			require.Contains(t, proved.Fingerprint, "modified")
		})
	}
}

func TestAPartIsAdoptedWhereTheVendorsETagIsThatOfTheSource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.bin")
	require.NoError(t, os.WriteFile(path, []byte("hello world"), 0o600))
	s := &Steps{Sources: sources.New(sources.Options{})}
	look, err := s.Sources.Look(t.Context(), path)
	require.NoError(t, err)
	in := upload.SendPart{
		Item: upload.Item{Source: path}, Content: upload.Content{Size: 11, Fingerprint: look.Fingerprint},
		Part: upload.PartURL{Number: 1}, Size: 5, Stored: "5D41402ABC4B2A76B9719D911017C592",
	}
	part, err := s.SendPart(t.Context(), nil, nil, in, nil)
	require.NoError(t, err)
	require.Equal(t, in.Stored, part.ETag)
	require.Equal(t, upload.FormatCRC64(crc64.Checksum([]byte("hello"), upload.CRC64Table)), part.CRC64)

	in.Stored = "00000000000000000000000000000000"
	_, err = s.SendPart(t.Context(), nil, nil, in, nil)
	require.True(t, upload.AsError(err, "").Lost)
	require.ErrorContains(t, err, "returned no URL to send the part again")
}

package report

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"

	_ "image/gif" // formats that catalogues have
	_ "image/png"

	_ "golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	mostThumbs = 12
	mostPicks  = 4 * mostThumbs // some turn out to be no pictures, or gone
	thumbEdge  = 220            // pixels
	mostBytes  = 16 << 20       // of a source that is read for a thumbnail
	mostPixels = 40 << 20       // of what is decoded: some small files are huge pictures
)

// thumbnail is a small picture of a medium that was delivered.
type thumbnail struct {
	URL           template.URL // data:
	Width, Height int
	Item, Account string
	MediaID       string
}

// picks chooses rows whose pictures may be shown, each as likely as any other.
type picks struct {
	from *sources.Sources
	met  int
	rows []ledger.Entry
	dice *rand.Rand
}

func newPicks(from *sources.Sources) *picks {
	return &picks{from: from, dice: rand.New(rand.NewPCG(1, 1))} // the same report each time
}

func (p *picks) offer(entry ledger.Entry) {
	r := entry.Result
	if p.from == nil || r.State != upload.StateReady || !upload.IsLocal(r.Source) || r.Size <= 0 || int64(r.Size) > mostBytes || entry.Fingerprint == "" {
		return
	}
	p.met++
	if len(p.rows) < mostPicks {
		p.rows = append(p.rows, entry)
		return
	}
	if at := p.dice.IntN(p.met); at < mostPicks {
		p.rows[at] = entry
	}
}

// thumbnails are of the rows that could be read. One that is gone, changed or no
// picture is left out: what was delivered does not depend on it.
func (p *picks) thumbnails(ctx context.Context) ([]thumbnail, error) {
	var all []thumbnail
	shown := map[upload.Text]bool{} // by content: one picture may be of many rows
	for _, entry := range p.rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(all) == mostThumbs {
			break
		}
		sum := entry.Result.SHA256
		if shown[sum] {
			continue
		}
		if one, err := p.thumbnail(ctx, entry); err == nil {
			all = append(all, one)
			shown[sum] = sum != ""
		}
	}
	return all, nil
}

func (p *picks) thumbnail(ctx context.Context, entry ledger.Entry) (thumbnail, error) {
	item, err := entry.Item()
	if err != nil {
		return thumbnail{}, err
	}
	content, err := p.read(ctx, item.Source, entry.Fingerprint)
	if err != nil {
		return thumbnail{}, err
	}
	small, err := shrink(content)
	if err != nil {
		return thumbnail{}, err
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: 72}); err != nil {
		return thumbnail{}, err
	}
	r := entry.Result
	return thumbnail{
		URL:   template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(out.Bytes())), //nolint:gosec // made here, of base64 alone
		Width: small.Bounds().Dx(), Height: small.Bounds().Dy(), Item: r.Item, Account: r.To, MediaID: string(r.MediaID),
	}, nil
}

// read reads exactly the content that was sent.
func (p *picks) read(ctx context.Context, source, fingerprint string) (_ []byte, err error) {
	file, err := p.from.Open(ctx, source, fingerprint)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	body, err := file.Range(ctx, 0, file.Size())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	return io.ReadAll(io.LimitReader(body, mostBytes))
}

var errNoPicture = errors.New("not an image, or too large")

// shrink decodes a picture and makes it small, upon white where it is clear.
func shrink(content []byte) (image.Image, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || config.Width <= 0 || config.Height <= 0 || config.Width > mostPixels/config.Height {
		return nil, errNoPicture
	}
	full, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, errNoPicture
	}
	b := full.Bounds()
	wide, high := b.Dx(), b.Dy()
	if longest := max(wide, high); longest > thumbEdge {
		wide, high = max(wide*thumbEdge/longest, 1), max(high*thumbEdge/longest, 1)
	}
	small := image.NewRGBA(image.Rect(0, 0, wide, high))
	draw.Draw(small, small.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(small, small.Bounds(), full, b, draw.Over, nil)
	return small, nil
}

package report

import (
	"context"
	"encoding/base64"
	"errors"
	"html/template"
	"io"
	"math/rand/v2"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/thumbnail"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	mostThumbs = 12
	mostPicks  = 4 * mostThumbs // some turn out to be no pictures, or gone
	thumbsTime = time.Minute    // that a report may take for all of them
)

// picture is a thumbnail of a medium that was delivered, or that failed.
type picture struct {
	URL           template.URL // data:
	Width, Height int
	Item, Account string
	MediaID       string
	Line          int64
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
	if p.from == nil || !upload.IsLocal(r.Source) || int64(r.Size) > thumbnail.MostBytes {
		return
	}
	if r.State == upload.StateReady && (r.Size <= 0 || entry.Fingerprint == "") {
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
// picture is left out: nothing depends on it.
func (p *picks) thumbnails(ctx context.Context) ([]picture, error) {
	var all []picture
	shown := map[upload.Text]bool{} // by content: one picture may be of many rows
	began := time.Now()
	for _, entry := range p.rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(all) == mostThumbs || time.Since(began) > thumbsTime {
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

func (p *picks) thumbnail(ctx context.Context, entry ledger.Entry) (picture, error) {
	item, err := entry.Item()
	if err != nil {
		return picture{}, err
	}
	fingerprint := entry.Fingerprint
	if fingerprint == "" { // it failed before it was sent: what is there now
		look, err := p.from.Look(ctx, p.from.Path(item.Queue, item.Source))
		if err != nil || look.Size > thumbnail.MostBytes {
			return picture{}, errors.Join(err, errNoPicture)
		}
		fingerprint = look.Fingerprint
	}
	small, err := shrunk(ctx, p.from, item, fingerprint)
	if err != nil {
		return picture{}, err
	}
	r := entry.Result
	return picture{
		URL:   template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(small.JPEG)), //nolint:gosec // made here, of base64 alone
		Width: small.Width, Height: small.Height, Item: r.Item, Account: r.To, MediaID: string(r.MediaID), Line: int64(r.Line),
	}, nil
}

// Thumbnail is one of the very content that an upload has sent, or would have. It fails
// where that is not on this host any more, or is no picture.
func Thumbnail(ctx context.Context, from *sources.Sources, entry ledger.Entry) (*thumbnail.Picture, error) {
	if !Pictured(entry) {
		return nil, errNoPicture
	}
	item, err := entry.Item()
	if err != nil {
		return nil, err
	}
	return shrunk(ctx, from, item, entry.Fingerprint)
}

// Pictured reports whether an upload may have a thumbnail: its source is a file, and what
// was in it is known.
func Pictured(entry ledger.Entry) bool {
	return upload.IsLocal(entry.Result.Source) && entry.Fingerprint != "" && int64(entry.Result.Size) <= thumbnail.MostBytes
}

func shrunk(ctx context.Context, from *sources.Sources, item upload.Item, fingerprint string) (*thumbnail.Picture, error) {
	content, err := read(ctx, from, from.Path(item.Queue, item.Source), fingerprint)
	if err != nil {
		return nil, err
	}
	return shrink(content)
}

// errNoPicture says that a source is not shown.
var errNoPicture = errors.New("no picture")

// read reads exactly the content that was sent.
func read(ctx context.Context, from *sources.Sources, source, fingerprint string) (_ []byte, err error) {
	file, err := from.Open(ctx, source, fingerprint)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	body, err := file.Range(ctx, 0, file.Size())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	return io.ReadAll(io.LimitReader(body, thumbnail.MostBytes))
}

// shrink makes the thumbnail of a picture. It ends within seconds, so it needs no
// context.
func shrink(content []byte) (*thumbnail.Picture, error) {
	return thumbnail.Make(context.Background(), content)
}

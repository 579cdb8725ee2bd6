package closient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Settle searches for the image of a POST whose answer was lost: one that was not
// there before, has our title, was made since then, and has our bytes. The vendor
// serves the original (docs.closient.com, list product images), so the bytes can be
// compared.
func (Client) Settle(ctx context.Context, w *wire.Caller, in upload.Settle) (upload.Settled, error) {
	c := caller{w}
	images, _, err := c.list(ctx, upload.StepTransfer, in.Item.Fields)
	if err != nil {
		return upload.Settled{}, err
	}
	var same, unread []image
	for _, image := range candidates(images, in) {
		switch sum, err := c.sum(ctx, image, in.Content.Size); {
		case err != nil && ctx.Err() != nil:
			return upload.Settled{}, ctx.Err()
		case err != nil, in.Content.SHA256 == "":
			unread = append(unread, image)
		case sum == in.Content.SHA256:
			same = append(same, image)
		}
	}
	switch {
	case len(same) > 0:
		return c.adopt(ctx, in, same)
	case len(unread) == 1: // everything that can be checked says that it is ours
		return c.adopt(ctx, in, unread)
	case len(unread) > 1:
		return upload.Settled{Doubt: fmt.Sprintf("the product has %d new images that may be this one, but they cannot be read: %s", len(unread), ids(unread))}, nil
	}
	return upload.Settled{Clean: true}, nil
}

// candidates are the images that the lost POST may have made, oldest first. If ours
// is to be the primary image, the one that is primary now comes before all others:
// the vendor made each of ours primary in turn, and deleting the last of them would
// leave the product without a primary image (CL-6).
func candidates(images []image, in upload.Settle) []image {
	since := in.Session.OpenedAt.Add(-clockSkew)
	title := strings.TrimSpace(in.Item.Fields.String("title")) // vendors trim what people typed
	primary, _ := in.Item.Fields.Bool("is_primary")
	seen := map[string]bool{}
	found := slices.DeleteFunc(slices.Clone(images), func(i image) bool {
		id := string(i.ID)
		again := seen[id] // the list changed between two pages
		seen[id] = true
		return again || slices.Contains(in.Session.Before, id) ||
			strings.TrimSpace(string(i.Title)) != title || i.madeBefore(since)
	})
	slices.SortStableFunc(found, func(a, b image) int {
		if primary && a.IsPrimary != b.IsPrimary {
			return map[bool]int{true: -1, false: 1}[bool(a.IsPrimary)]
		}
		return a.Created.Compare(b.Created.Time)
	})
	return found
}

// madeBefore reports whether an image is older than a moment, as far as the vendor says.
// A date without a time of day, which reads as midnight, means any time of that day.
func (i image) madeBefore(moment time.Time) bool {
	made := i.Created.UTC()
	if made.Equal(made.Truncate(24 * time.Hour)) {
		made = made.Add(24 * time.Hour)
	}
	return !i.Created.IsZero() && made.Before(moment)
}

// adopt takes the first of equal images for ours, and names or deletes the
// others.
func (c caller) adopt(ctx context.Context, in upload.Settle, equal []image) (upload.Settled, error) {
	media := equal[0].media()
	settled := upload.Settled{Media: &media}
	if len(equal) == 1 {
		return settled, nil
	}
	others := equal[1:]
	if !c.Account.On("cleanup_duplicates") {
		settled.Note = fmt.Sprintf("the product also has %s with the same content; to delete duplicates, set cleanup_duplicates: true", ids(others))
		return settled, nil
	}
	var left []image
	for _, image := range others {
		switch err := c.delete(ctx, in.Item.Fields, string(image.ID)); {
		case err == nil:
			settled.Note += "; deleted " + string(image.ID)
		case wire.IsFinal(wire.StatusOf(err)): // ours is found all the same
			left = append(left, image)
		default:
			return upload.Settled{}, err
		}
	}
	if len(left) > 0 {
		settled.Note += "; the vendor did not delete " + ids(left)
	}
	settled.Note = "the vendor had the image more than once" + settled.Note
	return settled, nil
}

// delete removes an image; one that is gone is removed.
func (c caller) delete(ctx context.Context, fields upload.Fields, id string) error {
	_, err := c.call(ctx, wire.Request{Call: callDelete, Path: imagesPath(fields) + "/" + url.PathEscape(id)})
	if wire.StatusOf(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// sum fetches an image, without credentials, and returns its SHA-256. An image of
// another size is not read to its end.
func (c caller) sum(ctx context.Context, image image, size int64) (string, error) {
	ctx, done := context.WithTimeout(ctx, imageTimeout)
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, string(image.ImageURL), nil)
	if err != nil {
		return "", err
	}
	response, err := c.Storage.Do(get)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // the rest is not needed
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("image answered %d", response.StatusCode)
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(egress.NewSteady(ctx, cancel, response.Body), size+1))
	if err != nil {
		return "", err
	}
	if n != size {
		return "", nil // it can be read, and is not ours
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func ids(images []image) string {
	var list []string
	for _, i := range images {
		list = append(list, string(i.ID))
	}
	return strings.Join(list, ", ")
}

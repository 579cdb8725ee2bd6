package sitoo

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Reread asks for the file: GET /v1/media/{file_id}. What the vendor serves is the
// processed image, whose size and type are its own (SI-5).
func (Client) Reread(ctx context.Context, c *wire.Caller, of upload.Finished) (upload.Reading, error) {
	if of.Media.ID == "" {
		return upload.Reading{Silent: "the file_id of the image is unknown"}, nil
	}
	reading := upload.Reading{Asked: callGet.Request()}
	a, err := call(ctx, c, wire.Request{Call: callGet, Path: "/v1/media/" + url.PathEscape(of.Media.ID)})
	if wire.StatusOf(err) == http.StatusNotFound && !a.Foreign() {
		reading.Gone = true
		return reading, nil
	}
	if err != nil {
		return upload.Reading{}, err
	}
	var got struct {
		FileID      wire.Text `json:"file_id"`
		Status      wire.Text `json:"status"`
		EntityType  wire.Text `json:"entity_type"`
		EntityID    wire.Text `json:"entity_id"`
		ContentType wire.Text `json:"content_type"`
		FileSize    wire.Int  `json:"file_size"`
		DownloadURL wire.Text `json:"download_url"`
	}
	if err := a.Decode(&got); err != nil {
		return upload.Reading{}, err
	}
	if got.Status == "" {
		return upload.Reading{}, a.Incomplete("without status")
	}
	for _, fact := range []struct {
		name, want string
		got        wire.Text
	}{
		{"file_id", of.Media.ID, got.FileID},
		{"status", "ready", wire.Text(strings.ToLower(string(got.Status)))},
		{"entity_type", cmp.Or(of.Item.Fields.String("entity_type"), "shipment_item"), got.EntityType},
		{"entity_id", of.Item.Fields.String("entity_id"), got.EntityID},
		{"content_type", "", got.ContentType},
	} {
		if fact.got != "" {
			reading.Facts = append(reading.Facts, upload.Compare(fact.name, a.Clean(fact.want), a.Clean(string(fact.got))))
		}
	}
	reading.URL, reading.Size = string(got.DownloadURL), int64(got.FileSize)
	return reading, nil
}

// Package trustana is what Trustana says on the wire: a prepare, one PUT to S3,
// and a status that is asked for until there is a file ID.
package trustana

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Client makes Trustana's calls. It has no state.
type Client struct{}

type prepareRequest struct {
	FileName          string   `json:"fileName"`
	SKUIDs            []string `json:"skuIds,omitempty"`
	AddToMediaGallery *bool    `json:"addToMediaGallery,omitempty"`
}

type prepared struct {
	UploadURL wire.Text `json:"uploadUrl"`
	ExpiresIn wire.Int  `json:"expiresIn"` // seconds
	FileName  wire.Text `json:"fileName"`
	FinalURL  wire.Text `json:"finalUrl"`
	UploadID  wire.Text `json:"uploadId"`
}

// Prepare asks for a signed URL: POST /upload/prepare.
func (Client) Prepare(ctx context.Context, c *wire.Caller, in upload.Prepare) (upload.Session, error) {
	ask := prepareRequest{FileName: trustana.FileName(in.Item, in.Content), SKUIDs: in.Item.Fields.Strings("skuIds")}
	if add, present := in.Item.Fields.Bool("addToMediaGallery"); present {
		ask.AddToMediaGallery = &add
	}
	var got prepared
	a, err := call(ctx, c, wire.Request{Call: callPrepare, Path: "/upload/prepare", JSON: ask}, &got)
	if err != nil {
		return upload.Session{}, err
	}
	if e := a.Without(wire.Needed{Name: "uploadUrl", Is: got.UploadURL, Sends: true}, wire.Needed{Name: "uploadId", Is: got.UploadID}); e != nil {
		return upload.Session{}, e
	}
	session := upload.Session{
		Method: upload.MethodPut, Store: upload.StoreS3,
		ID: string(got.UploadID), FileName: string(got.FileName), URL: string(got.UploadURL),
		Header:   map[string]string{"Content-Type": in.Content.Type},
		OpenedAt: a.There(c.Now()),
		Media:    upload.Media{URL: wire.LastingURL(string(got.FinalURL))},
	}
	life := min(max(int64(got.ExpiresIn), 0), int64(wire.LongestLife/time.Second)) // not every number is a Duration
	session.ExpiresAt, session.Life = a.Expiry(wire.Lifetime{Life: time.Duration(life) * time.Second, Signed: string(got.UploadURL), Usual: urlLife})
	return session, nil
}

// status is what the vendor says of an image that is done.
type status struct {
	FileID       wire.Text   `json:"fileId"`
	Size         wire.Int    `json:"size"`
	OriginalName wire.Text   `json:"originalName"`
	Format       wire.Text   `json:"format"`    // not always that of the bytes
	CreatedAt    wire.Moment `json:"createdAt"` // Unix milliseconds
}

// Poll asks what became of the bytes: GET /upload/status, by uploadId or by
// fileName. Trustana answers 404 until it has a file ID, and for ever where it
// cannot process the image.
func (Client) Poll(ctx context.Context, c *wire.Caller, in upload.Poll) (upload.Media, error) {
	query := url.Values{"uploadId": {in.Session.ID}}
	if in.ByName {
		query = url.Values{"fileName": {in.Session.FileName}}
	}
	var got status
	a, err := call(ctx, c, wire.Request{Call: callStatus, Path: "/upload/status?" + query.Encode()}, &got)
	if isUnknown(a, err) {
		return upload.Media{State: upload.StateProcessing, Seen: "404"}, nil
	}
	if err != nil {
		return upload.Media{}, err
	}
	if got.FileID == "" {
		return upload.Media{}, a.Incomplete("without fileId")
	}
	if got.Size != 0 && int64(got.Size) != in.Content.Size {
		return upload.Media{}, upload.Errorf(upload.KindCorrupt, upload.StepPoll, "the vendor has %d bytes for %s, but %d were sent", got.Size, got.FileID, in.Content.Size).
			WithHint("the image is already attached; check %s before you send it again", got.FileID)
	}
	return upload.Media{ID: string(got.FileID), URL: in.Session.Media.URL, State: upload.StateReady, Seen: "200"}, nil
}

// call makes a call and takes its envelope off. An errorCode other than 0 counts
// as a status, whatever the status says.
func call(ctx context.Context, c *wire.Caller, r wire.Request, into any) (wire.Answer, error) {
	r.Login = http.Header{"X-Api-Key": {c.Account.Settings["api_key"]}}
	a, err := c.Call(ctx, r, refusal)
	if err != nil {
		return a, err
	}
	envelope := struct {
		ErrorCode wire.Int        `json:"errorCode"`
		Data      json.RawMessage `json:"data"`
	}{}
	if err := a.Decode(&envelope); err != nil {
		return a, err
	}
	if code := int(envelope.ErrorCode); code != 0 {
		if code < 400 || code > 599 { // no status (TA-1): trouble of the vendor's, as far as we know
			code = http.StatusInternalServerError
		}
		return a, c.Judge(ctx, a, code, refusal(a))
	}
	return a, a.DecodePart(envelope.Data, into)
}

// Package sitoo is what Sitoo Media Object Storage says on the wire: a form,
// which is POSTed to S3, and a file that is asked for until the image is
// processed.
package sitoo

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Client makes Sitoo's calls. It has no state.
type Client struct{}

// formRequest is the body of upload-url (SI-1).
type formRequest struct {
	FileName    string `json:"file_name"`
	ContentType string `json:"content_type"`
	EntityType  string `json:"entity_type"`
	EntityID    string `json:"entity_id"`
}

// grant is its answer (SI-2).
type grant struct {
	FileID          wire.Text   `json:"file_id"`
	UploadURL       wire.Text   `json:"upload_url"`
	Fields          wire.Texts  `json:"fields"`
	UploadExpiresAt wire.Moment `json:"upload_expires_at"` // Unix seconds
	ExpiresAt       wire.Moment `json:"expires_at"`
}

// Prepare asks for a form: POST /v1/media/upload-url.
func (Client) Prepare(ctx context.Context, c *wire.Caller, in upload.Prepare) (upload.Session, error) {
	ask := formRequest{
		FileName:    sitoo.FileName(in.Item, in.Content),
		ContentType: in.Content.Type,
		EntityType:  in.Item.Fields.String("entity_type"),
		EntityID:    in.Item.Fields.String("entity_id"),
	}
	if ask.EntityType == "" {
		ask.EntityType = "shipment_item"
	}
	a, err := call(ctx, c, wire.Request{Call: callUploadURL, Path: "/v1/media/upload-url", JSON: ask})
	if err != nil {
		return upload.Session{}, err
	}
	var got grant
	if err := a.Decode(&got); err != nil {
		return upload.Session{}, err
	}
	if e := a.Without(wire.Needed{Name: "file_id", Is: got.FileID}, wire.Needed{Name: "upload_url", Is: got.UploadURL, Sends: true}, wire.Needed{Name: "fields.key", Is: wire.Text(got.Fields["key"])}); e != nil {
		return upload.Session{}, e
	}
	session := upload.Session{
		Method: upload.MethodForm, Store: upload.StoreS3,
		ID: string(got.FileID), URL: string(got.UploadURL), Form: formFields(got.Fields),
		File:     upload.FormFile{Field: "file", Name: ask.FileName, Type: in.Content.Type},
		OpenedAt: a.There(c.Now()),
		Media:    upload.Media{ID: string(got.FileID)},
	}
	until := got.UploadExpiresAt.Time
	if until.IsZero() {
		until = got.ExpiresAt.Time
	}
	session.ExpiresAt, session.Life = a.Expiry(wire.Lifetime{Until: until, Usual: formLife})
	return session, nil
}

// formFields sorts a form's fields, so that their order does not change. S3 accepts
// any order, as long as the file comes last.
func formFields(fields map[string]string) []upload.FormField {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	form := make([]upload.FormField, 0, len(names))
	for _, name := range names {
		form = append(form, upload.FormField{Name: name, Value: fields[name]})
	}
	return form
}

// Poll asks for the file: GET /v1/media/{file_id}. Its five states are
// uploading, uploaded, processing, ready and failed.
func (Client) Poll(ctx context.Context, c *wire.Caller, in upload.Poll) (upload.Media, error) {
	a, err := call(ctx, c, wire.Request{Call: callGet, Path: "/v1/media/" + url.PathEscape(in.Session.ID)})
	if wire.StatusOf(err) == http.StatusNotFound {
		return upload.Media{}, notFound(err, ageOf(in.Session, a, c.Now()))
	}
	if err != nil {
		return upload.Media{}, err
	}
	var got struct {
		Status wire.Text `json:"status"`
	}
	if err := a.Decode(&got); err != nil {
		return upload.Media{}, err
	}
	// Its URLs are signed and live an hour, so none is kept.
	status := strings.ToLower(string(got.Status))
	media := upload.Media{ID: in.Session.ID, State: upload.StateProcessing, Seen: a.Clean(status)}
	switch status {
	case "ready":
		media.State = upload.StateReady
	case "failed":
		media.State, media.Reason = upload.StateFailed, "the vendor could not process the image and gave no reason"
	case "":
		return upload.Media{}, a.Incomplete("without status")
	} // a status that nobody knows yet is taken for one on the way
	return media, nil
}

func call(ctx context.Context, c *wire.Caller, r wire.Request) (wire.Answer, error) {
	s := c.Account.Settings
	login := "Bearer " + s["token"]
	if s["auth"] == "basic" {
		login = "Basic " + base64.StdEncoding.EncodeToString([]byte(s["api_id"]+":"+s["password"]))
	}
	r.Login = http.Header{"Authorization": {login}}
	a, err := c.Call(ctx, r, refusal)
	if wire.StatusOf(err) == http.StatusConflict { // listed, but nowhere explained
		e := upload.AsError(err, r.Call.Step)
		e.Kind, e.Then, e.RetryAfter = upload.KindUnavailable, upload.KindRejected, max(e.RetryAfter, conflictWait)
		return a, e
	}
	return a, err
}

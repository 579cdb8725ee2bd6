package vendors

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Trustana takes a prepare and one PUT to S3, and is then asked until there is a
// file ID.
type Trustana struct{}

// What Trustana does not document, and we assume.
var trustanaAssumed = struct {
	poll     upload.Schedule
	maxBytes int64
	rate     float64
}{
	// TA-5: not yet, never and unknown all answer 404, so only a deadline ends
	// the wait: ten minutes after the PUT.
	poll: upload.Schedule{
		Waits:    seconds(5, 2, 5, 8, 13, 20, 30),
		Deadline: 10 * time.Minute,
	},
	maxBytes: 50 << 20, // TA-8: no limit is published
	rate:     5,        // TA-7: below the limit that the vendor seems to have
	// TA-1: refusals have the envelope {errorCode, message}; see trustanaWords.
	// TA-2: prepare answers 200; any 2xx is taken.
	// TA-3: skuIds and addToMediaGallery may be left out.
	// TA-4: the URL signs host alone, or also content-type; the right
	//       Content-Type satisfies both.
	// TA-6: a prepare without a PUT leaves nothing visible, so it may be repeated.
}

const trustanaLife = 15 * time.Minute // of a URL, as documented

var trustanaSpec = &Spec{
	Name:    "trustana",
	Title:   "Trustana",
	Docs:    "https://apidocs.trustana.com/guides/getting-started (read 2026-11-21)",
	Flow:    "prepare, PUT to S3, poll until there is a fileId",
	BaseURL: "https://api.trustana.com/v1",
	Fields: []Field{
		{Name: "skuIds", Type: List, Most: 100, Unique: true, Doc: "up to 100 SKU ids to attach the image to"},
		{Name: "addToMediaGallery", Type: Boolean, Doc: "whether the image also joins the media gallery"},
		{Name: "fileName", Type: Text, Most: 255, Doc: "name with an image extension; default: the source's own"},
	},
	NameField:      "fileName",
	NeedsExtension: true,
	Settings:       []Setting{{Name: "api_key", Doc: "sent as X-API-Key", Secret: true}},
	Credentials:    [][]string{{"api_key"}},
	Takes: []Range{{
		Types:    []string{"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff"},
		MaxBytes: trustanaAssumed.maxBytes,
	}},
	Packing: &Packing{Types: "image/", Resend: true},
	Rate:    trustanaAssumed.rate,
	Burst:   3, // a second's worth would leave nothing for calls that arrive late
	Poll:    trustanaAssumed.poll,
	// A key that was activated or replaced takes up to a minute to be known.
	KeyGrace: 90 * time.Second,
}

// Spec describes Trustana.
func (Trustana) Spec() *Spec { return trustanaSpec }

type trustanaPrepare struct {
	FileName          string   `json:"fileName"`
	SKUIDs            []string `json:"skuIds,omitempty"`
	AddToMediaGallery *bool    `json:"addToMediaGallery,omitempty"`
}

type trustanaPrepared struct {
	UploadURL string `json:"uploadUrl"`
	ExpiresIn int64  `json:"expiresIn"` // seconds
	FileName  string `json:"fileName"`
	FinalURL  string `json:"finalUrl"`
	UploadID  string `json:"uploadId"`
}

// Prepare asks for a signed URL: POST /upload/prepare.
func (Trustana) Prepare(ctx context.Context, c *Caller, in upload.Prepare) (upload.Session, error) {
	ask := trustanaPrepare{FileName: sendName(in.Item, in.Content, "fileName"), SKUIDs: in.Item.Fields.Strings("skuIds")}
	if add, present := in.Item.Fields.Bool("addToMediaGallery"); present {
		ask.AddToMediaGallery = &add
	}
	var got trustanaPrepared
	a, err := c.trustana(ctx, request{step: upload.StepPrepare, name: "prepare", method: http.MethodPost, url: "/upload/prepare", ask: ask}, &got)
	if err != nil {
		return upload.Session{}, err
	}
	if got.UploadURL == "" || got.UploadID == "" {
		return upload.Session{}, a.incomplete("no uploadUrl or uploadId")
	}
	session := upload.Session{
		Method: upload.MethodPut, Store: upload.StoreS3,
		ID: got.UploadID, FileName: got.FileName, URL: got.UploadURL,
		Header:   map[string]string{"Content-Type": in.Content.Type},
		OpenedAt: a.there(c.Now()),
		Media:    upload.Media{URL: lasting(got.FinalURL)},
	}
	life := min(max(got.ExpiresIn, 0), int64(longestLife/time.Second)) // not every number is a Duration
	session.ExpiresAt, session.Life = a.lease(terms{life: time.Duration(life) * time.Second, signed: got.UploadURL, usual: trustanaLife})
	return session, nil
}

// Poll asks what became of the bytes: GET /upload/status, by uploadId or by
// fileName. Trustana answers 404 until it has a file ID, and for ever where it
// cannot process the image.
func (Trustana) Poll(ctx context.Context, c *Caller, in upload.Poll) (upload.Media, error) {
	query := url.Values{"uploadId": {in.Session.ID}}
	if in.ByName {
		query = url.Values{"fileName": {in.Session.FileName}}
	}
	var got struct {
		FileID string `json:"fileId"`
		Size   int64  `json:"size"`
	}
	a, err := c.trustana(ctx, request{step: upload.StepPoll, name: "status", method: http.MethodGet, url: "/upload/status?" + query.Encode()}, &got)
	if trustanaUnknown(err) {
		return upload.Media{State: upload.StateProcessing, Seen: "404"}, nil
	}
	if err != nil {
		return upload.Media{}, err
	}
	if got.FileID == "" {
		return upload.Media{}, a.incomplete("no fileId")
	}
	if got.Size != 0 && got.Size != in.Content.Size {
		return upload.Media{}, upload.Errorf(upload.KindCorrupt, upload.StepPoll, "vendor has %d bytes as %s, sent were %d", got.Size, got.FileID, in.Content.Size).
			WithHint("the image is attached already: look at %s before sending it again", got.FileID)
	}
	return upload.Media{ID: got.FileID, URL: in.Session.Media.URL, State: upload.StateReady, Seen: "200"}, nil
}

// trustana makes a call and takes its envelope off. An errorCode other than 0
// counts as a status, whatever the status says.
func (c *Caller) trustana(ctx context.Context, r request, into any) (answer, error) {
	r.url, r.header = c.Account.url(r.url), http.Header{"X-Api-Key": {c.Account.Settings["api_key"]}}
	a, err := c.call(ctx, r, trustanaWords)
	if err != nil {
		return a, err
	}
	envelope := struct {
		ErrorCode int             `json:"errorCode"`
		Data      json.RawMessage `json:"data"`
	}{}
	if err := a.decode(&envelope); err != nil {
		return a, err
	}
	if code := envelope.ErrorCode; code != 0 {
		if code < 400 || code > 599 { // no status (TA-1): trouble of the vendor's, as far as we know
			code = http.StatusInternalServerError
		}
		return a, c.judge(ctx, a, code, trustanaWords(a))
	}
	a.body = envelope.Data
	return a, a.decode(into)
}

// trustanaUnknown reports whether a failure says that there is nothing, by its
// status or by the envelope's code under a success.
func trustanaUnknown(err error) bool {
	var e *upload.Error
	return errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status < 300 && e.Code == "404")
}

func trustanaWords(a answer) words {
	var said struct {
		Code    int    `json:"errorCode"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(a.body, &said) // an empty or foreign body has no words
	w := words{text: said.Message}
	if said.Code != 0 {
		w.code = strconv.Itoa(said.Code)
	}
	return w
}

// sendName is the name under which a medium is sent: the field's, where the row
// has one, else the source's own. A .tif becomes a .tiff.
func sendName(item upload.Item, content upload.Content, field string) string {
	name := item.Fields.String(field)
	if name == "" {
		return content.Name
	}
	if ext := path.Ext(name); strings.EqualFold(ext, ".tif") {
		return strings.TrimSuffix(name, ext) + ".tiff"
	}
	return name
}

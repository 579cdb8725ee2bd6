package vendors

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Sitoo is asked for a form, which is POSTed to S3, and then asked until the image
// is processed.
type Sitoo struct{}

// What Sitoo does not document, and we assume.
var sitooAssumed = struct {
	poll     upload.Schedule
	maxBytes int64
}{
	// SI-6: five minutes, after which processing is taken for stuck.
	poll: upload.Schedule{
		Waits:    seconds(1, 2, 4, 8, 15),
		Deadline: 5 * time.Minute,
	},
	maxBytes: 20 << 20, // SI-7: no limit is published
	// SI-4: each upload-url makes a new file_id; one without bytes stays
	//       uploading and harms nobody.
	// SI-5: file_size and content_type are of the processed JPEG, so they are
	//       not compared with the source.
	// SI-8: which status comes with which error_code; the status decides.
}

// sitooAsk is the body of upload-url. SI-1: file_name and content_type are named
// after the answer's properties.
type sitooAsk struct {
	FileName    string `json:"file_name"`
	ContentType string `json:"content_type"`
	EntityType  string `json:"entity_type"`
	EntityID    string `json:"entity_id"`
}

// sitooGrant is its answer. SI-2: the expiry is upload_expires_at, or
// expires_at, in Unix seconds.
type sitooGrant struct {
	FileID          string            `json:"file_id"`
	UploadURL       string            `json:"upload_url"`
	Fields          map[string]string `json:"fields"`
	UploadExpiresAt int64             `json:"upload_expires_at"`
	ExpiresAt       int64             `json:"expires_at"`
}

const (
	sitooLife       = 15 * time.Minute // of a form, as documented
	sitooNewborn    = 10 * time.Second // a file_id may not be found at once
	sitooSecondWait = 2 * time.Second  // before the one repetition that a 409 is worth
)

var sitooSpec = &Spec{
	Name:    "sitoo",
	Title:   "Sitoo Media Object Storage",
	Docs:    "https://developer.sitoo.com/media-object-storage/overview (read 2026-11-21)",
	Flow:    "upload-url, form POST to S3, poll until ready or failed",
	BaseURL: "https://media-object-storage.sitooapis.com",
	Fields: []Field{
		{Name: "entity_id", Type: Text, Required: true, Most: 1024, Doc: "what the image belongs to: shipmentId|sku|reasonCode|discrepancyId"},
		{Name: "entity_type", Type: Text, Default: "shipment_item", Choices: []string{"shipment_item"}, Doc: "shipment_item is all there is"},
		{Name: "file_name", Type: Text, Most: 255, Doc: "name with extension; default: the source's own"},
	},
	NameField: "file_name",
	Settings: []Setting{
		{Name: "token", Doc: "sent as a bearer token", Secret: true},
		{Name: "auth", Doc: "how to log in", Default: "bearer", Choices: []string{"bearer", "basic"}},
		{Name: "api_id", Doc: "for auth: basic"},
		{Name: "password", Doc: "for auth: basic", Secret: true},
	},
	Credentials: [][]string{{"token"}, {"api_id", "password"}},
	Takes: []Range{{
		Types:    []string{"image/jpeg", "image/png", "image/webp", "image/gif"},
		MaxBytes: sitooAssumed.maxBytes,
	}},
	Packing:   &Packing{Types: "image/"},
	Poll:      sitooAssumed.poll,
	Unseen:    "uploading",
	UnseenFor: 2 * time.Minute,
}

// Spec describes Sitoo.
func (Sitoo) Spec() *Spec { return sitooSpec }

// Prepare asks for a form: POST /v1/media/upload-url.
func (Sitoo) Prepare(ctx context.Context, c *Caller, in upload.Prepare) (upload.Session, error) {
	ask := sitooAsk{
		FileName:    sendName(in.Item, in.Content, "file_name"),
		ContentType: in.Content.Type,
		EntityType:  in.Item.Fields.String("entity_type"),
		EntityID:    in.Item.Fields.String("entity_id"),
	}
	if ask.EntityType == "" {
		ask.EntityType = "shipment_item"
	}
	a, err := c.sitoo(ctx, request{step: upload.StepPrepare, name: "upload-url", method: http.MethodPost, url: "/v1/media/upload-url", ask: ask})
	if err != nil {
		return upload.Session{}, err
	}
	var got sitooGrant
	if err := a.decode(&got); err != nil {
		return upload.Session{}, err
	}
	if got.FileID == "" || got.UploadURL == "" || got.Fields["key"] == "" {
		return upload.Session{}, a.incomplete("no file_id, upload_url or key")
	}
	session := upload.Session{
		Method: upload.MethodForm, Store: upload.StoreS3,
		ID: got.FileID, URL: got.UploadURL, Form: formFields(got.Fields),
		File:     upload.FormFile{Field: "file", Name: ask.FileName, Type: in.Content.Type},
		OpenedAt: a.there(c.Now()),
		Media:    upload.Media{ID: got.FileID},
	}
	session.ExpiresAt, session.Life = a.lease(terms{until: unix(cmp.Or(got.UploadExpiresAt, got.ExpiresAt)), usual: sitooLife})
	return session, nil
}

// formFields puts a form's fields into an order that does not change: S3 takes
// any, as long as the file comes last.
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

func unix(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// Poll asks for the file: GET /v1/media/{file_id}. Its five states are
// uploading, uploaded, processing, ready and failed.
func (Sitoo) Poll(ctx context.Context, c *Caller, in upload.Poll) (upload.Media, error) {
	a, err := c.sitoo(ctx, request{step: upload.StepPoll, name: "media", method: http.MethodGet, url: "/v1/media/" + url.PathEscape(in.Session.ID)})
	if statusOf(err) == http.StatusNotFound {
		return upload.Media{}, sitooGone(err, sitooAge(in.Session, a, c.Now()))
	}
	if err != nil {
		return upload.Media{}, err
	}
	var got struct {
		FileID string `json:"file_id"`
		Status string `json:"status"`
	}
	if err := a.decode(&got); err != nil {
		return upload.Media{}, err
	}
	// Its URLs are signed and live an hour, so none is kept.
	media := upload.Media{ID: in.Session.ID, State: upload.StateProcessing, Seen: got.Status}
	switch got.Status {
	case "ready":
		media.State = upload.StateReady
	case "failed":
		media.State, media.Reason = upload.StateFailed, "the vendor could not process the image and gives no reason"
	case "uploading", "uploaded", "processing":
	default:
		return upload.Media{}, a.incomplete("unknown status %q", a.clean(got.Status))
	}
	return media, nil
}

// sitooGone tells a file that is not known yet from one that is lost. One that is
// young is looked for at growing distances, the last time when it is young no more.
func sitooGone(err error, age time.Duration) error {
	e := upload.AsError(err, upload.StepPoll)
	if age < sitooNewborn {
		e.Kind = upload.KindUnavailable
		e.RetryAfter = max(e.RetryAfter, min(age, sitooNewborn-age)+time.Second)
		return e
	}
	e.Kind, e.Lost = upload.KindExpired, true
	return e
}

// sitooAge is how long ago a file was made: by the vendor's clock, or by ours since
// its form was asked for, whichever says less. A Date that is wrong makes the one
// too long, an answer that took its time the other; both would lose a file that is
// about to appear.
func sitooAge(session upload.Session, a answer, now time.Time) time.Duration {
	age := a.there(now).Sub(session.OpenedAt).Abs()
	if session.Life <= 0 {
		return age
	}
	asked := session.ExpiresAt.Add(-session.Life)
	return min(age, now.Sub(asked).Abs())
}

func (c *Caller) sitoo(ctx context.Context, r request) (answer, error) {
	r.url = c.Account.url(r.url)
	login := "Bearer " + c.Account.Settings["token"]
	if c.Account.Settings["auth"] == "basic" {
		login = "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Account.Settings["api_id"]+":"+c.Account.Settings["password"]))
	}
	r.header = http.Header{"Authorization": {login}}
	a, err := c.call(ctx, r, sitooWords)
	if statusOf(err) == http.StatusConflict { // listed, but nowhere explained
		e := upload.AsError(err, r.step)
		e.Kind, e.Then, e.RetryAfter = upload.KindUnavailable, upload.KindRejected, max(e.RetryAfter, sitooSecondWait)
		return a, e
	}
	return a, err
}

func sitooWords(a answer) words {
	var said struct {
		Code string `json:"error_code"`
		Data struct {
			Message string `json:"message"`
		} `json:"error_data"`
		RequestID string `json:"request_id"`
	}
	_ = json.Unmarshal(a.body, &said) // an empty or foreign body has no words
	return words{text: said.Data.Message, code: said.Code, requestID: said.RequestID}
}

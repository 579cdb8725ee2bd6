package vendors

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Truvideo (Upload V3): start a session, PUT its parts to S3, complete it, then
// ask until it is COMPLETED or FAILED.
type Truvideo struct{}

// What TruVideo does not document, and we assume.
var truvideoAssumed = struct {
	poll      upload.Schedule
	partsPath string
}{
	// TV-5: fifteen minutes after complete was accepted.
	poll: upload.Schedule{
		Waits:    seconds(2, 3, 5, 8, 15),
		Deadline: 15 * time.Minute,
	},
	// TV-3: the documentation speaks of a request for more URLs without showing
	// it; the vendor's iOS SDK has this one: fresh URLs of the lowest part
	// numbers that are not stored yet.
	partsPath: "/upload/%s/parts?count=%d",
	// TV-1: fileType in any case; we send upper case, as documented.
	// TV-2: expiresAt may be RFC 3339, Unix seconds or milliseconds, or absent;
	//       see truvideoTime.
	// TV-4: the body of complete's answer is not relied upon.
	// TV-6: a 401 makes nothing, so start may be repeated once after a login; an
	//       unknown session answers 400.
}

const (
	truvideoURLLife  = 20 * time.Minute // of a part's URL (vendor's sample application)
	truvideoMinPart  = 5 << 20          // S3's bound, the stricter reading of "5 MB"
	truvideoMaxPart  = 600_000_000      // the stricter reading of "600 MB"
	truvideoMaxParts = 120
	truvideoMetadata = 2 << 20 // "a few megabytes" at most
)

var truvideoTypes = map[string]string{
	"video/mp4": "MP4", "video/quicktime": "MOV", "video/x-msvideo": "AVI", "video/x-matroska": "MKV",
	"video/x-flv": "FLV", "video/x-ms-wmv": "WMV", "video/3gpp": "3GPP", "video/webm": "WEBM",
	"image/jpeg": "JPEG", "image/png": "PNG", "image/svg+xml": "SVG",
	"audio/mpeg": "MP3", "audio/wav": "WAV", "audio/aac": "AAC", "audio/flac": "FLAC",
	"application/pdf": "PDF",
}

var truvideoSpec = &Spec{
	Name:     "truvideo",
	Title:    "TruVideo Upload V3",
	Docs:     "https://truvideo.gitbook.io/video-platform-api/embeddable-video-player/upload-v3 (read 2026-11-21)",
	Flow:     "login, start with 1 to 120 parts, PUT each to S3, complete, poll until COMPLETED or FAILED",
	BaseURL:  "https://upload-api.truvideo.com",
	LoginURL: "https://sdk-mobile-api.truvideo.com",
	Fields: []Field{
		{Name: "title", Type: Text, Doc: "kept as it is; the vendor derives a safe one"},
		{Name: "creator", Type: Text, Most: 255, Doc: "who made it, up to 255 characters"},
		{Name: "duration", Type: Integer, Doc: "milliseconds"},
		{Name: "resolution", Type: Text, Choices: []string{"LOW", "NORMAL", "HIGH"}, Doc: "480p, 720p or 1080p; the vendor's default is NORMAL"},
		{Name: "tags", Type: Object, Most: truvideoMetadata, Doc: "tags.NAME for each, or a JSON object"},
		{Name: "isLibrary", Type: Boolean, Doc: "whether it joins the permanent library; the vendor's default is false"},
		{Name: "includeInReport", Type: Boolean, Doc: "whether it goes into reports; the vendor's default is true"},
		{Name: "metadata", Type: Object, Most: truvideoMetadata, Reserved: []string{"failureReason", "failureTimestamp"}, Doc: "metadata.NAME for each, or a JSON object"},
	},
	Settings: []Setting{
		{Name: "api_key", Doc: "for the login", Secret: true},
		{Name: "secret", Doc: "signs the login", Secret: true},
		{Name: "external_id", Doc: "the tenant"},
		{Name: "etag_key", Doc: "how complete spells a part's ETag", Default: "eTag", Choices: []string{"eTag", "etag"}},
	},
	Credentials: [][]string{{"api_key", "secret", "external_id"}},
	Takes: []Range{{
		Types: []string{
			"video/mp4", "video/quicktime", "video/x-msvideo", "video/x-matroska", "video/x-flv", "video/x-ms-wmv", "video/3gpp", "video/webm",
			"image/jpeg", "image/png", "image/svg+xml", "audio/mpeg", "audio/wav", "audio/aac", "audio/flac", "application/pdf",
		},
		MaxBytes: truvideoMaxPart * truvideoMaxParts,
	}},
	Parts: &upload.PartLimits{
		MinPart: truvideoMinPart, MaxPart: truvideoMaxPart, MaxParts: truvideoMaxParts,
		Single: 10_000_000, // below, the vendor's sample application uses one part
		Steps: []upload.PartStep{ // the vendor recommends 10–20, 20–50 and 50–600 MB
			{UpTo: 100_000_000, Part: 10 << 20},
			{UpTo: 1_000_000_000, Part: 32 << 20},
			{Part: 64 << 20},
		},
	},
	Poll: truvideoAssumed.poll,
}

// Spec describes TruVideo.
func (Truvideo) Spec() *Spec { return truvideoSpec }

type truvideoStart struct {
	AmountOfParts int            `json:"amountOfParts"`
	Media         truvideoMedia  `json:"media"`
	Metadata      map[string]any `json:"metadata,omitempty"`
}

type truvideoMedia struct {
	FileType   string            `json:"fileType"`
	Creator    string            `json:"creator,omitempty"`
	Title      string            `json:"title,omitempty"`
	Duration   *int64            `json:"duration,omitempty"` // milliseconds
	Resolution string            `json:"resolution,omitempty"`
	Tags       map[string]any    `json:"tags,omitempty"`
	Insights   *truvideoInsights `json:"insights,omitempty"`
}

type truvideoInsights struct {
	IsLibrary       *bool `json:"isLibrary,omitempty"`
	IncludeInReport *bool `json:"includeInReport,omitempty"`
}

type truvideoPart struct {
	PartNumber   int             `json:"partNumber"`
	PresignedURL string          `json:"presignedUrl"`
	ExpiresAt    json.RawMessage `json:"expiresAt"`
}

// Prepare starts a session: POST /upload/start.
func (Truvideo) Prepare(ctx context.Context, c *Caller, in upload.Prepare) (upload.Session, error) {
	a, err := c.truvideo(ctx, request{
		step: upload.StepPrepare, name: "start", method: http.MethodPost, url: "/upload/start", ask: truvideoAsk(in),
	})
	if err != nil {
		return upload.Session{}, err
	}
	var got struct {
		UploadID string         `json:"uploadId"`
		MediaID  string         `json:"mediaId"`
		Parts    []truvideoPart `json:"parts"`
	}
	if err := a.decode(&got); err != nil {
		return upload.Session{}, err
	}
	if got.UploadID == "" || got.MediaID == "" {
		return upload.Session{}, a.incomplete("no uploadId or mediaId")
	}
	return upload.Session{
		Method: upload.MethodMultipart, Store: upload.StoreS3,
		ID: got.UploadID, Header: map[string]string{"Content-Type": in.Content.Type},
		Plan: in.Plan, Parts: a.truvideoParts(got.Parts), Life: truvideoURLLife,
		OpenedAt: a.there(c.Now()),
		Media:    upload.Media{ID: got.MediaID},
	}, nil
}

func truvideoAsk(in upload.Prepare) truvideoStart {
	f := in.Item.Fields
	media := truvideoMedia{
		FileType: truvideoTypes[in.Content.Type], Creator: f.String("creator"), Title: f.String("title"),
		Resolution: f.String("resolution"), Tags: f.Object("tags"),
	}
	if ms, present := f.Int("duration"); present {
		media.Duration = &ms
	}
	library, hasLibrary := f.Bool("isLibrary")
	report, hasReport := f.Bool("includeInReport")
	if hasLibrary || hasReport {
		media.Insights = &truvideoInsights{}
	}
	if hasLibrary {
		media.Insights.IsLibrary = &library
	}
	if hasReport {
		media.Insights.IncludeInReport = &report
	}
	return truvideoStart{AmountOfParts: in.Plan.Parts, Media: media, Metadata: f.Object("metadata")}
}

func (a answer) truvideoParts(parts []truvideoPart) []upload.PartURL {
	urls := make([]upload.PartURL, 0, len(parts))
	for _, p := range parts {
		if p.PartNumber < 1 || p.PresignedURL == "" {
			continue
		}
		expires, life := a.lease(terms{until: truvideoTime(p.ExpiresAt), signed: p.PresignedURL, usual: truvideoURLLife})
		urls = append(urls, upload.PartURL{Number: p.PartNumber, URL: p.PresignedURL, ExpiresAt: expires, Life: life})
	}
	return urls
}

// truvideoTime reads a moment in any of the forms that it may have (TV-2); zero
// where it has none.
func truvideoTime(raw json.RawMessage) time.Time {
	text := strings.Trim(string(raw), `"`)
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at
	}
	const (
		milliseconds = 100_000_000_000     // in seconds this would be the year 5138
		absurd       = 100_000_000_000_000 // in milliseconds too
	)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0 && n < absurd) { // not a number is neither
		return time.Time{}
	}
	if n > milliseconds {
		return time.UnixMilli(int64(n))
	}
	return time.Unix(int64(n), 0)
}

// SignParts asks for more URLs (TV-3).
func (Truvideo) SignParts(ctx context.Context, c *Caller, in upload.SignParts) ([]upload.PartURL, error) {
	a, err := c.truvideo(ctx, request{
		step: upload.StepTransfer, name: "parts", method: http.MethodGet,
		url: fmt.Sprintf(truvideoAssumed.partsPath, url.PathEscape(in.Session), in.Open),
	})
	switch a.status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed:
		return nil, truvideoLost(err)
	}
	if err != nil {
		return nil, err
	}
	var got struct {
		Parts []truvideoPart `json:"parts"`
	}
	if err := a.decode(&got); err != nil {
		return nil, err
	}
	urls := a.truvideoParts(got.Parts)
	for _, wanted := range in.Parts {
		if !hasPart(urls, wanted) {
			e := upload.Errorf(upload.KindExpired, upload.StepTransfer, "vendor hands out no URL for part %d", wanted)
			e.Lost, e.Code = true, upload.CodeUnsigned
			return nil, e
		}
	}
	return urls, nil
}

func hasPart(urls []upload.PartURL, number int) bool {
	for _, u := range urls {
		if u.Number == number {
			return true
		}
	}
	return false
}

// Complete tells TruVideo that all parts have arrived: POST
// /upload/{uploadId}/complete. 202 accepts it; the rest is a matter of polling.
func (Truvideo) Complete(ctx context.Context, c *Caller, in upload.Complete) (upload.Media, error) {
	key := c.Account.Settings["etag_key"]
	if key == "" {
		key = "eTag"
	}
	parts := make([]map[string]any, 0, len(in.Parts))
	for _, p := range in.Parts {
		parts = append(parts, map[string]any{"partNumber": p.Number, key: p.ETag})
	}
	_, err := c.truvideoOnce(ctx, request{
		step: upload.StepComplete, name: "complete", method: http.MethodPost,
		url: "/upload/" + url.PathEscape(in.Session) + "/complete", ask: map[string]any{"parts": parts},
	})
	if err != nil {
		return upload.Media{}, err
	}
	return upload.Media{State: upload.StateProcessing, Seen: "accepted"}, nil
}

// Poll asks for the session: GET /upload/{uploadId}.
func (Truvideo) Poll(ctx context.Context, c *Caller, in upload.Poll) (upload.Media, error) {
	a, err := c.truvideo(ctx, request{step: upload.StepPoll, name: "status", method: http.MethodGet, url: "/upload/" + url.PathEscape(in.Session.ID)})
	switch a.status {
	case http.StatusBadRequest, http.StatusNotFound:
		return upload.Media{}, truvideoLost(err)
	}
	if err != nil {
		return upload.Media{}, err
	}
	var got struct {
		MediaID       string `json:"mediaId"`
		Status        string `json:"status"`
		FileURL       string `json:"fileUrl"`
		FailureReason string `json:"failureReason"`
		Parts         []struct {
			PartNumber int    `json:"partNumber"`
			ETag       string `json:"eTag"`
		} `json:"parts"`
	}
	if err := a.decode(&got); err != nil {
		return upload.Media{}, err
	}
	media := upload.Media{ID: in.Session.Media.ID, State: upload.StateProcessing, Seen: got.Status}
	if got.MediaID != "" {
		media.ID = got.MediaID
	}
	switch got.Status {
	case "COMPLETED":
		media.State, media.URL = upload.StateReady, lasting(got.FileURL)
	case "FAILED":
		media.State, media.Reason = upload.StateFailed, a.clean(got.FailureReason)
	case "INITIALIZED", "PARTIAL":
		for _, part := range got.Parts {
			media.Stored = append(media.Stored, upload.StoredPart{Number: part.PartNumber, ETag: strings.Trim(part.ETag, `"`)})
		}
	case "PENDING_COMPLETE":
	default:
		return upload.Media{}, a.incomplete("unknown status %q", a.clean(got.Status))
	}
	return media, nil
}

// truvideoLost makes of a refusal that the whole session is gone. Only the call's
// own answer can say so: what refuses a login knows nothing of sessions.
func truvideoLost(err error) error {
	e := upload.AsError(err, upload.StepPoll)
	e.Kind, e.Lost = upload.KindExpired, true
	return e
}

// Package truvideo is what TruVideo's Upload V3 says on the wire: a session is
// started, its parts are PUT to S3, it is completed, and asked for until it is
// COMPLETED or FAILED.
package truvideo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Client makes TruVideo's calls. It has no state.
type Client struct{}

// caller is the means of making TruVideo's calls.
type caller struct{ *wire.Caller }

type startRequest struct {
	AmountOfParts int            `json:"amountOfParts"`
	Media         mediaRequest   `json:"media"`
	Metadata      map[string]any `json:"metadata,omitempty"`
}

type mediaRequest struct {
	FileType   string         `json:"fileType"`
	Creator    string         `json:"creator,omitempty"`
	Title      string         `json:"title,omitempty"`
	Duration   *int64         `json:"duration,omitempty"` // milliseconds
	Resolution string         `json:"resolution,omitempty"`
	Tags       map[string]any `json:"tags,omitempty"`
	Insights   *insights      `json:"insights,omitempty"`
}

type insights struct {
	IsLibrary       *bool `json:"isLibrary,omitempty"`
	IncludeInReport *bool `json:"includeInReport,omitempty"`
}

type part struct {
	PartNumber   wire.Int    `json:"partNumber"`
	PresignedURL wire.Text   `json:"presignedUrl"`
	ExpiresAt    wire.Moment `json:"expiresAt"` // in any form (TV-2)
}

// Prepare starts a session: POST /upload/start.
func (Client) Prepare(ctx context.Context, c *wire.Caller, in upload.Prepare) (upload.Session, error) {
	a, err := caller{c}.call(ctx, wire.Request{Call: callStart, Path: "/upload/start", JSON: startOf(in)})
	if err != nil {
		return upload.Session{}, err
	}
	var got struct {
		UploadID wire.Text       `json:"uploadId"`
		MediaID  wire.Text       `json:"mediaId"`
		Parts    wire.List[part] `json:"parts"`
	}
	if err := a.Decode(&got); err != nil {
		return upload.Session{}, err
	}
	if e := a.Without(wire.Needed{Name: "uploadId", Is: got.UploadID}, wire.Needed{Name: "mediaId", Is: got.MediaID}); e != nil {
		return upload.Session{}, e
	}
	urls, err := partURLs(a, got.Parts)
	if err != nil {
		return upload.Session{}, err
	}
	return upload.Session{
		Method: upload.MethodMultipart, Store: upload.StoreS3,
		ID: string(got.UploadID), Header: map[string]string{"Content-Type": in.Content.Type},
		Plan: in.Plan, Parts: urls, Life: urlLife,
		OpenedAt: a.There(c.Now()),
		Media:    upload.Media{ID: string(got.MediaID)},
	}, nil
}

func startOf(in upload.Prepare) startRequest {
	f := in.Item.Fields
	media := mediaRequest{
		FileType: fileTypes[in.Content.Type], Creator: f.String("creator"), Title: f.String("title"),
		Resolution: f.String("resolution"), Tags: f.Object("tags"),
	}
	if ms, present := f.Int("duration"); present {
		media.Duration = &ms
	}
	library, hasLibrary := f.Bool("isLibrary")
	report, hasReport := f.Bool("includeInReport")
	if hasLibrary || hasReport {
		media.Insights = &insights{}
	}
	if hasLibrary {
		media.Insights.IsLibrary = &library
	}
	if hasReport {
		media.Insights.IncludeInReport = &report
	}
	return startRequest{AmountOfParts: in.Plan.Parts, Media: media, Metadata: f.Object("metadata")}
}

func partURLs(a wire.Answer, parts []part) ([]upload.PartURL, error) {
	urls := make([]upload.PartURL, 0, len(parts))
	for _, p := range parts {
		if p.PartNumber < 1 || p.PresignedURL == "" {
			continue
		}
		if e := a.Without(wire.Needed{Name: "presignedUrl", Is: p.PresignedURL, Sends: true}); e != nil {
			e.Then = upload.KindRejected // in whichever step
			return nil, e
		}
		expires, life := a.Expiry(wire.Lifetime{Until: p.ExpiresAt.Time, Signed: string(p.PresignedURL), Usual: urlLife})
		urls = append(urls, upload.PartURL{Number: int(p.PartNumber), URL: string(p.PresignedURL), ExpiresAt: expires, Life: life})
	}
	return urls, nil
}

// SignParts asks for more URLs (TV-3).
func (Client) SignParts(ctx context.Context, c *wire.Caller, in upload.SignParts) ([]upload.PartURL, error) {
	a, err := caller{c}.call(ctx, wire.Request{Call: callParts, Path: fmt.Sprintf(assumed.partsPath, url.PathEscape(in.Session), in.Open)})
	switch {
	case a.Foreign():
	case a.Status == http.StatusBadRequest, a.Status == http.StatusNotFound, a.Status == http.StatusMethodNotAllowed:
		return nil, lost(err)
	}
	if err != nil {
		return nil, err
	}
	var got struct {
		Parts wire.List[part] `json:"parts"`
	}
	if err := a.Decode(&got); err != nil {
		return nil, err
	}
	urls, err := partURLs(a, got.Parts)
	if err != nil {
		return nil, err
	}
	for _, wanted := range in.Parts {
		if !slices.ContainsFunc(urls, func(u upload.PartURL) bool { return u.Number == wanted }) {
			e := upload.Errorf(upload.KindExpired, upload.StepTransfer, "the vendor returned no URL for part %d", wanted)
			e.Lost, e.Code = true, upload.CodeUnsigned
			return nil, e
		}
	}
	return urls, nil
}

// Complete reports that all parts have arrived: POST /upload/{uploadId}/complete.
// 202 accepts it; polling shows the rest.
func (Client) Complete(ctx context.Context, c *wire.Caller, in upload.Complete) (upload.Media, error) {
	key := c.Account.Settings["etag_key"]
	if key == "" {
		key = "eTag"
	}
	parts := make([]map[string]any, 0, len(in.Parts))
	for _, p := range in.Parts {
		parts = append(parts, map[string]any{"partNumber": p.Number, key: p.ETag})
	}
	a, err := caller{c}.callOnce(ctx, wire.Request{
		Call: callComplete, Path: "/upload/" + url.PathEscape(in.Session) + "/complete", JSON: map[string]any{"parts": parts},
	})
	if err != nil {
		return upload.Media{}, err
	}
	if a.Status != http.StatusAccepted || len(a.Body) > 0 && a.Foreign() { // looked at before it is completed again
		e := upload.Errorf(upload.KindUnavailable, upload.StepComplete, "complete answered %d instead of accepting the session (%s)", a.Status, egress.Speaker(a.Header))
		e.Status, e.Arrived = a.Status, upload.ArrivedMaybe
		return upload.Media{}, e
	}
	return upload.Media{State: upload.StateProcessing, Seen: "accepted"}, nil
}

// session is what the vendor says of a session.
type session struct {
	MediaID        wire.Text `json:"mediaId"`
	Status         wire.Text `json:"status"`
	FileURL        wire.Text `json:"fileUrl"`
	Creator        wire.Text `json:"creator"`
	SanitizedTitle wire.Text `json:"sanitizedTitle"`
	FailureReason  wire.Text `json:"failureReason"`
	Parts          wire.List[struct {
		PartNumber wire.Int  `json:"partNumber"`
		ETag       wire.Text `json:"eTag"`
	}] `json:"parts"`
}

// stateCompleted is the status of a session whose medium is ready.
const stateCompleted = "COMPLETED"

// Poll asks for the session: GET /upload/{uploadId}.
func (Client) Poll(ctx context.Context, c *wire.Caller, in upload.Poll) (upload.Media, error) {
	a, err := caller{c}.call(ctx, wire.Request{Call: callStatus, Path: "/upload/" + url.PathEscape(in.Session.ID)})
	switch {
	case a.Foreign():
	case a.Status == http.StatusBadRequest, a.Status == http.StatusNotFound:
		return upload.Media{}, lost(err)
	}
	if err != nil {
		return upload.Media{}, err
	}
	var got session
	if err := a.Decode(&got); err != nil {
		return upload.Media{}, err
	}
	status := strings.ToUpper(string(got.Status))
	media := upload.Media{ID: in.Session.Media.ID, State: upload.StateProcessing, Seen: a.Clean(status)}
	if got.MediaID != "" {
		media.ID = string(got.MediaID)
	}
	switch status {
	case stateCompleted:
		media.State, media.URL = upload.StateReady, wire.LastingURL(string(got.FileURL))
	case "FAILED":
		media.State, media.Reason = upload.StateFailed, a.Clean(string(got.FailureReason))
	case "INITIALIZED", "PARTIAL":
		for _, part := range got.Parts {
			media.Stored = append(media.Stored, upload.StoredPart{Number: int(part.PartNumber), ETag: strings.Trim(string(part.ETag), `"`)})
		}
	case "":
		return upload.Media{}, a.Incomplete("without status")
	} // PENDING_COMPLETE, and one that nobody knows yet, are on the way
	return media, nil
}

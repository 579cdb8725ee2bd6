package sitoo

import (
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const (
	docs = "https://developer.sitoo.com/media-object-storage/overview"

	docsEndpoints = "https://developer.sitoo.com/media-object-storage/endpoints"

	stateUploading = "uploading" // of a file of which no bytes were seen

	formLife = 15 * time.Minute // as documented
	newborn  = 10 * time.Second // a file_id may not be found at once

	// conflictWait is before the one repetition that a 409 is worth.
	conflictWait = 2 * time.Second
)

// The calls of an upload.
var (
	callUploadURL = spec.Call{
		Name: "upload-url", Step: upload.StepPrepare, Method: http.MethodPost, Path: "/v1/media/upload-url",
		Repeat: spec.LeavesOrphan, Source: "assumed, SI-4",
	}
	callPost = spec.Call{
		Name: "post", Step: upload.StepTransfer, Method: http.MethodPost, Path: "the form's upload_url",
		Repeat: spec.LeavesOverwrite, Source: spec.SourceS3Form,
	}
	callGet = spec.Call{
		Name: "get", Title: "media", Step: upload.StepPoll, Method: http.MethodGet, Path: "/v1/media/{file_id}",
		Repeat: spec.LeavesNothing, Source: docs,
	}
)

// callSearch lists the files of an entity.
var callSearch = spec.Call{
	Name: "search", Step: upload.StepPoll, Method: http.MethodGet, Path: "/v1/media/search",
	Repeat: spec.LeavesNothing, Source: docsEndpoints,
}

var sitoo = &spec.Spec{
	Name:    "sitoo",
	Title:   "Sitoo Media Object Storage",
	Docs:    docs + " (read 2026-11-21)",
	Flow:    "get an upload URL, form POST to S3, poll until ready or failed",
	BaseURL: "https://media-object-storage.sitooapis.com",
	Fields: []spec.Field{
		{Name: "entity_id", Type: spec.Text, Required: true, Identifier: true, Most: 1024, Doc: "what the image belongs to: shipmentId|sku|reasonCode|discrepancyId"},
		{Name: "entity_type", Type: spec.Text, Default: "shipment_item", Choices: []string{"shipment_item"}, Doc: "the only value is shipment_item"},
		{Name: "file_name", Type: spec.Text, Identifier: true, Most: 255, Doc: "file name with extension; default: the source's file name"},
	},
	NameField: "file_name",
	Settings: []spec.Setting{
		{Name: "token", Doc: "API token, sent as a bearer token", Secret: true},
		{Name: "auth", Doc: "how to log in", Default: "bearer", Choices: []string{"bearer", "basic"}},
		{Name: "api_id", Doc: "for auth: basic"},
		{Name: "password", Doc: "for auth: basic", Secret: true},
	},
	Credentials: []spec.Credentials{
		{Settings: []string{"token"}, If: "auth", Is: "bearer"},
		{Settings: []string{"api_id", "password"}, If: "auth", Is: "basic"},
	},
	Keys: spec.Keys{
		Doc:    "the token needs permissions for the account; the documentation does not say who issues it, so ask Sitoo. With auth: basic, api_id looks like 10020-140",
		Source: docs,
	},
	Probe: &spec.Probe{Call: callSearch},
	Calls: []spec.Call{callUploadURL, callPost, callGet},
	Takes: []spec.Range{{
		Types:    []string{"image/jpeg", "image/png", "image/webp", "image/gif"},
		MaxBytes: assumed.maxBytes,
	}},
	Packing: &spec.Packing{Types: "image/"},
	Policy: upload.Policy{
		Bytes:  upload.BytesForm,
		Find:   upload.Find{By: upload.FindByPoll}, // beyond uploading, the bytes have arrived
		Settle: upload.SettleFind,                  // two files with bytes are two images of an entity
		Poll:   assumed.poll,
		// A file that stays uploading was never seen, although S3 took the form.
		Unseen: []string{stateUploading}, UnseenFor: 2 * time.Minute, UnseenSends: 3,
		FailedSessions: 1,
	},
	Sources: map[spec.Fact]string{
		spec.FactBytes:  docs,
		spec.FactFind:   docs,
		spec.FactSettle: "assumed, SI-4",
		spec.FactPoll:   "assumed, SI-6",
		spec.FactUnseen: docs + spec.OurChoice,
		spec.FactFailed: docs + spec.OurChoice,
	},
}

// Spec describes Sitoo.
func (Client) Spec() *spec.Spec { return sitoo }

package trustana

import (
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const (
	docs = "https://apidocs.trustana.com/guides/getting-started"

	urlLife = 15 * time.Minute // of a signed URL, as documented
)

// The calls of an upload.
var (
	callPrepare = spec.Call{
		Name: "prepare", Step: upload.StepPrepare, Method: http.MethodPost, Path: "/upload/prepare",
		Repeat: spec.LeavesOrphan, Source: "assumed, TA-6",
	}
	callPut = spec.Call{
		Name: "put", Step: upload.StepTransfer, Method: http.MethodPut, Path: "the signed URL",
		Repeat: spec.LeavesOverwrite, Source: spec.SourceS3Presigned,
	}
	callStatus = spec.Call{
		Name: "status", Step: upload.StepPoll, Method: http.MethodGet, Path: "/upload/status",
		Repeat: spec.LeavesNothing, Source: docs,
	}
)

// callProbe is what the vendor's own page suggests for trying a key.
var callProbe = spec.Call{
	Name: "search", Title: "attributes search", Step: upload.StepPrepare, Method: http.MethodPost, Path: "/attributes/search",
	Repeat: spec.LeavesNothing, Source: docs,
}

var trustana = &spec.Spec{
	Name:    "trustana",
	Title:   "Trustana",
	Docs:    docs + " (read 2026-11-21)",
	Flow:    "prepare, PUT to S3, poll until there is a fileId",
	BaseURL: "https://api.trustana.com/v1",
	Fields: []spec.Field{
		{Name: "skuIds", Type: spec.List, Identifier: true, Most: 100, Unique: true, Doc: "up to 100 SKU IDs to attach the image to"},
		{Name: "addToMediaGallery", Type: spec.Boolean, Doc: "whether the image is also added to the media gallery"},
		{Name: "fileName", Type: spec.Text, Identifier: true, Most: 255, Doc: "file name with an image extension; default: the source's file name"},
	},
	NameField:      "fileName",
	NeedsExtension: true,
	Settings:       []spec.Setting{{Name: "api_key", Doc: "API key, sent as X-API-Key", Secret: true}},
	Credentials:    []spec.Credentials{{Settings: []string{"api_key"}}},
	Keys: spec.Keys{
		Doc:    "an account has at most five active API keys; a new or changed key works after 30 to 60 seconds. A sandbox, with a key and a base_url of its own, is given on request",
		Source: docs,
	},
	Probe: &spec.Probe{Call: callProbe},
	Calls: []spec.Call{callPrepare, callPut, callStatus},
	Takes: []spec.Range{{
		Types:    []string{"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff"},
		MaxBytes: assumed.maxBytes,
	}},
	Packing: &spec.Packing{Types: "image/", Resend: true},
	Rate:    assumed.rate,
	Burst:   3, // a second's worth would leave nothing for calls that arrive late
	Policy: upload.Policy{
		Bytes:          upload.BytesPut,
		Settle:         upload.SettlePoll, // two prepares with bytes are two images
		SettleFor:      2 * time.Minute,   // the longest that processing usually takes
		Poll:           assumed.poll,
		LastPollByName: true, // status knows an upload by either name
	},
	Sources: map[spec.Fact]string{
		spec.FactBytes:    docs,
		spec.FactFind:     spec.SourceS3Presigned,
		spec.FactSettle:   docs + spec.OurChoice,
		spec.FactPoll:     "assumed, TA-5",
		spec.FactLastPoll: docs,
	},
	// A key that was activated or replaced takes up to a minute to be known.
	KeyGrace: 90 * time.Second,
}

// Spec describes Trustana.
func (Client) Spec() *spec.Spec { return trustana }

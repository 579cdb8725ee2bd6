package truvideo

import (
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const (
	docs      = "https://truvideo.gitbook.io/video-platform-api/embeddable-video-player/upload-v3"
	docsLogin = "https://truvideo.gitbook.io/video-platform-api/backend-function"

	urlLife  = 20 * time.Minute // of a part's URL (vendor's sample application)
	minPart  = 5 << 20          // S3's bound, the stricter reading of "5 MB"
	maxPart  = 600_000_000      // the stricter reading of "600 MB"
	maxParts = 120

	maxMetadata = 2 << 20 // "a few megabytes" at most

	// tokenLife is taken where a token does not say how long it lives: well below
	// the day and the week that the vendor's pages name.
	tokenLife = 30 * time.Minute
)

// The calls of an upload.
var (
	callLogin = spec.Call{
		Login: true,
		Name:  "login", Step: upload.StepPrepare, Method: http.MethodPost, Path: "{login_url}/api/login",
		Repeat: spec.LeavesNothing, Source: docsLogin,
	}
	callStart = spec.Call{
		Name: "start", Step: upload.StepPrepare, Method: http.MethodPost, Path: "/upload/start",
		Repeat: spec.LeavesOrphan, Source: "assumed, TV-6",
	}
	callParts = spec.Call{
		Name: "parts", Step: upload.StepTransfer, Method: http.MethodGet, Path: "/upload/{uploadId}/parts?count=N",
		Repeat: spec.LeavesNothing, Source: "assumed, TV-3",
	}
	callPart = spec.Call{
		Name: "part", Step: upload.StepTransfer, Method: http.MethodPut, Path: "the part's signed URL",
		Repeat: spec.LeavesOverwrite, Source: spec.SourceS3Parts,
	}
	callComplete = spec.Call{
		Name: "complete", Step: upload.StepComplete, Method: http.MethodPost, Path: "/upload/{uploadId}/complete",
		Repeat: spec.LeavesNothing, Source: "assumed, TV-4",
	}
	callStatus = spec.Call{
		Name: "status", Step: upload.StepPoll, Method: http.MethodGet, Path: "/upload/{uploadId}",
		Repeat: spec.LeavesNothing, Source: docs,
	}
)

var fileTypes = map[string]string{
	"video/mp4": "MP4", "video/quicktime": "MOV", "video/x-msvideo": "AVI", "video/x-matroska": "MKV",
	"video/x-flv": "FLV", "video/x-ms-wmv": "WMV", "video/3gpp": "3GPP", "video/webm": "WEBM",
	"image/jpeg": "JPEG", "image/png": "PNG", "image/svg+xml": "SVG",
	"audio/mpeg": "MP3", "audio/wav": "WAV", "audio/aac": "AAC", "audio/flac": "FLAC",
	"application/pdf": "PDF",
}

var truvideo = &spec.Spec{
	Name:     "truvideo",
	Title:    "TruVideo Upload V3",
	Docs:     docs + " (read 2026-11-21)",
	Flow:     "log in, start with 1 to 120 parts, PUT each part to S3, complete, poll until COMPLETED or FAILED",
	BaseURL:  "https://upload-api.truvideo.com",
	LoginURL: "https://sdk-mobile-api.truvideo.com",
	Fields: []spec.Field{
		{Name: "title", Type: spec.Text, Doc: "title; TruVideo also derives a sanitized version"},
		{Name: "creator", Type: spec.Text, Most: 255, Doc: "creator of the file, up to 255 characters"},
		{Name: "duration", Type: spec.Integer, Doc: "milliseconds"},
		{Name: "resolution", Type: spec.Text, Choices: []string{"LOW", "NORMAL", "HIGH"}, Doc: "480p, 720p or 1080p; the vendor's default is NORMAL"},
		{Name: "tags", Type: spec.Object, Most: maxMetadata, Doc: "one tags.NAME per tag, or a JSON object"},
		{Name: "isLibrary", Type: spec.Boolean, Doc: "whether the file is added to the permanent library; the vendor's default is false"},
		{Name: "includeInReport", Type: spec.Boolean, Doc: "whether the file is included in reports; the vendor's default is true"},
		{Name: "metadata", Type: spec.Object, Most: maxMetadata, Reserved: []string{"failureReason", "failureTimestamp"}, Doc: "one metadata.NAME per entry, or a JSON object"},
	},
	Settings: []spec.Setting{
		{Name: "api_key", Doc: "API key for the login", Secret: true},
		{Name: "secret", Doc: "secret that signs the login", Secret: true},
		{Name: "external_id", Doc: "tenant ID"},
		{Name: "etag_key", Doc: "name of the ETag property in the complete request", Default: "eTag", Choices: []string{"eTag", "etag"}},
	},
	Credentials: []spec.Credentials{{Settings: []string{"api_key", "secret", "external_id"}}},
	Keys: spec.Keys{
		Doc:    "the API key, the secret that signs the login and the external ID of the tenant belong together. Another environment of the vendor has its own base_url and login_url; set both",
		Source: docsLogin,
	},
	Probe: &spec.Probe{Call: callLogin},
	Calls: []spec.Call{callLogin, callStart, callParts, callPart, callComplete, callStatus},
	Takes: []spec.Range{{
		Types: []string{
			"video/mp4", "video/quicktime", "video/x-msvideo", "video/x-matroska", "video/x-flv", "video/x-ms-wmv", "video/3gpp", "video/webm",
			"image/jpeg", "image/png", "image/svg+xml", "audio/mpeg", "audio/wav", "audio/aac", "audio/flac", "application/pdf",
		},
		MaxBytes: maxPart * maxParts,
	}},
	Parts: &upload.PartLimits{
		MinPart: minPart, MaxPart: maxPart, MaxParts: maxParts,
		Single: 10_000_000, // below, the vendor's sample application uses one part
		Steps: []upload.PartStep{ // the vendor recommends 10–20, 20–50 and 50–600 MB
			{UpTo: 100_000_000, Part: 10 << 20},
			{UpTo: 1_000_000_000, Part: 32 << 20},
			{Part: 64 << 20},
		},
	},
	Policy: upload.Policy{
		Bytes:          upload.BytesParts,
		Settle:         upload.SettleAdopt, // the session lists its parts with their ETags
		Complete:       true,
		Poll:           assumed.poll,
		FailedSessions: 1,
		Unseen:         []string{"INITIALIZED", "PARTIAL"}, // it has not heard of the completion
		LostSessions:   3,                                  // each leaves an orphan at the vendor
	},
	Sources: map[spec.Fact]string{
		spec.FactBytes:    docs,
		spec.FactFind:     spec.SourceS3Parts,
		spec.FactSettle:   docs,
		spec.FactComplete: docs,
		spec.FactPoll:     "assumed, TV-5",
		spec.FactFailed:   docs + spec.OurChoice,
		spec.FactLost:     "assumed, TV-6" + spec.OurChoice,
	},
}

// Spec describes TruVideo.
func (Client) Spec() *spec.Spec { return truvideo }

package trustoo

import (
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const (
	docs       = "https://apidoc.trustoo.io/doc-9067301"
	policyPath = "/api/v1/openapi/get_image_upload_policy_token"
	tokenPath  = "/api/v1/openapi/oauth/token" //nolint:gosec // a path

	ossMaxBytes = 5 << 30 // of one PostObject

	// reserve is what a policy should still have, or a fifth of its life where
	// that is less.
	reserve = 30 * time.Second
)

// The calls of an upload.
var (
	callToken = spec.Call{
		Login: true,
		Name:  "token", Title: "oauth token", Step: upload.StepPrepare, Method: http.MethodPost, Path: tokenPath,
		Repeat: spec.LeavesNothing, Source: "https://apidoc.trustoo.io/api-477412680",
	}
	callPolicy = spec.Call{
		Name: "policy", Title: "policy token", Step: upload.StepPrepare, Method: http.MethodGet, Path: policyPath,
		Repeat: spec.LeavesNothing, Source: docs,
	}
	callPost = spec.Call{
		Name: "post", Step: upload.StepTransfer, Method: http.MethodPost, Path: "the policy's host",
		Repeat: spec.LeavesOverwrite, Source: spec.SourceOSSForm,
	}
	callVideo = spec.Call{
		Name: "video", Title: "video upload url", Step: upload.StepPrepare, Method: http.MethodGet, Path: assumed.videoPath,
		Repeat: spec.LeavesNothing, Source: "assumed, TT-5",
	}
	callVideoPut = spec.Call{
		Name: "video-put", Step: upload.StepTransfer, Method: http.MethodPut, Path: "the signed URL",
		Repeat: spec.LeavesOverwrite, Source: "assumed, TT-5",
	}
)

var trustoo = &spec.Spec{
	Name:    "trustoo",
	Title:   "Trustoo (TrustWILL)",
	Docs:    docs + " (read 2026-11-21)",
	Flow:    "get a policy token, form POST to Alibaba OSS; ready when OSS has stored the object",
	BaseURL: "https://rapi.trustoo.io",
	Fields: []spec.Field{
		{Name: "fileName", Type: spec.Text, Identifier: true, Most: 255, Doc: "the end of the object's key; default: the source's file name"},
	},
	Packing:   &spec.Packing{Types: "image/", Resend: true},
	NameField: "fileName",
	Settings: []spec.Setting{
		{Name: "public_token", Doc: "public token, sent with signed headers"},
		{Name: "private_token", Doc: "key that signs the headers", Secret: true},
		{Name: "access_token", Doc: "fixed bearer token, instead of signed headers", Secret: true},
		{Name: "client_id", Doc: "OAuth client ID, instead of signed headers"},
		{Name: "client_secret", Doc: "OAuth client secret", Secret: true},
		{Name: "refresh_token", Doc: "first refresh token; later ones are stored in the ledger", Secret: true},
		{Name: "drop_invalid_callback", Doc: "send without the vendor's callback if OSS refuses the callback", Default: "false", Choices: []string{"true", "false"}},
		{Name: "video", Doc: "accept videos (uses an undocumented call)", Default: "false", Choices: []string{"true", "false"}},
	},
	Credentials: []spec.Credentials{
		{Settings: []string{"public_token", "private_token"}},
		{Settings: []string{"access_token"}},
		{Settings: []string{"client_id", "client_secret", "refresh_token"}},
	},
	Keys: spec.Keys{
		Doc:    "a shop has a public token and a private token. Resetting the private token ends the old one at once. Access tokens come from OAuth, and need the scope write_reviews",
		Source: docs,
	},
	Probe: &spec.Probe{Call: callPolicy},
	Calls: []spec.Call{callToken, callPolicy, callPost, callVideo, callVideoPut},
	Takes: []spec.Range{
		{Types: assumed.types, MaxBytes: assumed.maxBytes},
		{Types: []string{"video/mp4", "video/quicktime", "video/webm"}, MaxBytes: ossMaxBytes, Setting: "video"},
	},
	Policy: upload.Policy{
		Bytes: upload.BytesForm,
		// OSS answers 203 when it has stored the object and its call to the vendor
		// failed. Another send makes it call again.
		UntoldSends: 3,
		// OSS refuses a callback that is not valid JSON, and then stores nothing.
		Variant: upload.Variant{Code: badCallback, Says: "callback", Field: "callback"},
	},
	Sources: map[spec.Fact]string{
		spec.FactBytes:   docs,
		spec.FactFind:    spec.SourceOSSForm,
		spec.FactUntold:  "https://alibabacloud.com/help/en/oss/support/http-status-code-203" + spec.OurChoice,
		spec.FactVariant: "https://github.com/AlibabaCloudDocs/oss (2021-07), Callback.md",
	},
	Prehash: true, // the object's key is made of the content, so that repeating overwrites
}

// Spec describes Trustoo.
func (Client) Spec() *spec.Spec { return trustoo }

package spec_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// canary is part of everything secret.
const canary = "c4n4ry"

func TestAnAccountNeedsOneWholeSetOfCredentials(t *testing.T) {
	type settings = map[string]string
	cases := []struct {
		name, vendor string
		settings     settings
		want         string // "" for none missing
	}{
		{"a key", "trustana", settings{"api_key": "k"}, ""},
		{"no key", "trustana", settings{}, "credentials for trustana are missing; set api_key"},
		{"an empty key", "closient", settings{"api_key": ""}, "set api_key"},
		{"two tokens", "trustoo", settings{"public_token": "a", "private_token": "b"}, ""},
		{"an access token", "trustoo", settings{"access_token": "a"}, ""},
		{"what OAuth needs", "trustoo", settings{"client_id": "a", "client_secret": "b", "refresh_token": "c"}, ""},
		{"half of each", "trustoo", settings{"public_token": "a", "client_id": "b"}, "credentials for trustoo are incomplete: public_token is set, but private_token is missing; set public_token and private_token"},
		{"none of any", "trustoo", settings{"video": "true"}, "credentials for trustoo are missing; set public_token and private_token, or access_token, or client_id, client_secret and refresh_token"},
		{"a token", "sitoo", settings{"token": "t"}, ""},
		{"a token that is chosen", "sitoo", settings{"auth": "bearer", "token": "t"}, ""},
		{"an ID and a password that are chosen", "sitoo", settings{"auth": "basic", "api_id": "a", "password": "p"}, ""},
		{"an ID and a password that are not chosen", "sitoo", settings{"api_id": "a", "password": "p"}, "set token (auth is bearer)"},
		{"a token where a password is chosen", "sitoo", settings{"auth": "basic", "token": "t"}, "set api_id and password (auth is basic)"},
		{"half of what is chosen", "sitoo", settings{"auth": "basic", "api_id": "a"}, "set api_id and password"},
		{"all three", "truvideo", settings{"api_key": "a", "secret": "b", "external_id": "c"}, ""},
		{"two of three", "truvideo", settings{"api_key": canary, "secret": canary}, "api_key and secret are set, but external_id is missing; set api_key, secret and external_id"},
	}
	for _, c := range cases {
		t.Run(c.vendor+": "+c.name, func(t *testing.T) {
			err := specOf(t, c.vendor).CheckSettings(c.settings)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), canary)
		})
	}
	t.Run("and nothing is asked for that was not wanted before", func(t *testing.T) {
		s := specOf(t, "sitoo")
		before := slices.Clone(s.Credentials)
		_ = s.CheckSettings(map[string]string{"auth": "basic"})
		require.Equal(t, before, s.Credentials)
	})
}

func TestWhatAVendorTakes(t *testing.T) {
	const heic = "heif-convert"
	cases := []struct {
		name, vendor, kind string
		size               int64
		account            spec.Account
		want, hint         string
	}{
		{name: "a JPEG", vendor: "trustana", kind: "image/jpeg", size: 1},
		{name: "a TIFF", vendor: "trustana", kind: "image/tiff", size: 50 << 20},
		{name: "one byte more than it takes", vendor: "trustana", kind: "image/jpeg", size: 50<<20 + 1, want: "the file has 52428801 bytes, and trustana accepts at most 52428800", hint: "max_bytes"},
		{name: "less than the account takes", vendor: "trustana", kind: "image/jpeg", size: 11, account: spec.Account{MaxBytes: 10}, want: "the file has 11 bytes, and trustana accepts at most 10"},
		{name: "more, where the account takes it", vendor: "trustana", kind: "image/jpeg", size: 60 << 20, account: spec.Account{MaxBytes: 60 << 20}},
		{name: "nothing", vendor: "trustana", kind: "image/jpeg", want: "empty"},
		{name: "an SVG", vendor: "trustana", kind: "image/svg+xml", size: 1, want: "trustana does not accept image/svg+xml; it accepts image/jpeg, image/png"},
		{name: "a HEIC", vendor: "trustana", kind: "image/heic", size: 1, want: "does not accept HEIC", hint: heic},
		{name: "a HEIF", vendor: "sitoo", kind: "image/heif", size: 1, want: "does not accept HEIC", hint: heic},
		{name: "a HEIC", vendor: "closient", kind: "image/heic", size: 1, want: "does not accept HEIC", hint: heic},
		{name: "a HEIC", vendor: "truvideo", kind: "image/heic", size: 1, want: "does not accept HEIC", hint: heic},
		{name: "a WebP", vendor: "trustoo", kind: "image/webp", size: 20 << 20},
		{name: "one byte more than it takes", vendor: "trustoo", kind: "image/webp", size: 20<<20 + 1, want: "at most 20971520"},
		{name: "a video without the setting", vendor: "trustoo", kind: "video/mp4", size: 1, want: "trustoo accepts video/mp4 only if the account has video: true"},
		{name: "a video with the setting", vendor: "trustoo", kind: "video/mp4", size: 5 << 30, account: spec.Account{Settings: map[string]string{"video": "true"}}},
		{name: "a video that is too large", vendor: "trustoo", kind: "video/mp4", size: 5<<30 + 1, account: spec.Account{Settings: map[string]string{"video": "true"}}, want: "accepts at most"},
		{name: "a video with the setting off", vendor: "trustoo", kind: "video/webm", size: 1, account: spec.Account{Settings: map[string]string{"video": "false"}}, want: "only if"},
		{name: "a PDF", vendor: "sitoo", kind: "application/pdf", size: 1, want: "sitoo does not accept application/pdf; it accepts image/jpeg, image/png, image/webp, image/gif"},
		{name: "the largest", vendor: "sitoo", kind: "image/gif", size: 20 << 20},
		{name: "one byte more than it takes", vendor: "sitoo", kind: "image/gif", size: 20<<20 + 1, want: "accepts at most"},
		{name: "an SVG", vendor: "closient", kind: "image/svg+xml", size: 10 << 20},
		{name: "one byte more than it takes", vendor: "closient", kind: "image/svg+xml", size: 10<<20 + 1, want: "accepts at most"},
		{name: "a film", vendor: "truvideo", kind: "video/x-matroska", size: 72_000_000_000},
		{name: "one byte more than it takes", vendor: "truvideo", kind: "video/x-matroska", size: 72_000_000_001, want: "accepts at most"},
		{name: "a sound", vendor: "truvideo", kind: "audio/flac", size: 1},
		{name: "a picture that it lacks", vendor: "truvideo", kind: "image/gif", size: 1, want: "truvideo does not accept image/gif"},
	}
	for _, c := range cases {
		t.Run(c.vendor+": "+c.name, func(t *testing.T) {
			err := specOf(t, c.vendor).CheckContent(upload.Content{Type: c.kind, Size: c.size}, c.account)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			e := upload.AsError(err, "")
			require.Equal(t, upload.KindInvalid, e.Kind)
			require.Equal(t, upload.StepClaim, e.Step)
			require.Contains(t, e.Message, c.want)
			require.Contains(t, e.Hint, c.hint)
		})
	}
	t.Run("types that are switched off are not offered", func(t *testing.T) {
		err := specOf(t, "trustoo").CheckContent(upload.Content{Type: "image/tiff", Size: 1}, spec.Account{})
		require.NotContains(t, err.Error(), "video")
		err = specOf(t, "trustoo").CheckContent(upload.Content{Type: "image/tiff", Size: 1}, spec.Account{Settings: map[string]string{"video": "true"}})
		require.ErrorContains(t, err, "video/mp4")
	})
}

func TestAnAccountsHomeIsItsSchemeHostAndPort(t *testing.T) {
	for base, urls := range map[string]map[string]bool{
		"https://api.vendor.example/v1": {
			"https://api.vendor.example/v1/x": true, "https://api.vendor.example/other?x#y": true, "https://API.vendor.example:443/": true,
			"http://api.vendor.example/v1/x": false, "https://api.vendor.example:8443/v1/x": false, "https://vendor.example/v1": false,
			"https://api.vendor.example.evil.example/": false, "https://api.vendor.example@evil.example/": false,
			"https://user@api.vendor.example/v1": false, "https:///v1": false, "//api.vendor.example/v1": false, "/v1": false, "": false,
			"https://api.vendor.example\r\n/": false,
		},
		"http://127.0.0.1:8080": {"http://127.0.0.1:8080/x": true, "http://127.0.0.1/x": false, "http://127.0.0.1:18590/x": false, "http://localhost:8080/x": false},
		"http://[::1]":          {"http://[::1]:80/x": true, "http://[::2]/x": false},
		"":                      {"": false, "https://h/": false},
	} {
		for url, want := range urls {
			require.Equal(t, want, spec.Account{BaseURL: base}.Home(url), "%s at %s", url, base)
		}
	}
}

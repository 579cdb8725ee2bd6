package vendors

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestVendorsAreFoundByName(t *testing.T) {
	require.Equal(t, []string{"trustana", "trustoo", "sitoo", "closient", "truvideo"}, Names())
	for _, name := range Names() {
		v, err := Find(name)
		require.NoError(t, err)
		require.Equal(t, name, v.Spec().Name)
		require.Same(t, v.Spec(), v.Spec(), "it is constant")
	}
	_, err := Find("trustanna")
	require.EqualError(t, err, `unknown vendor "trustanna", want one of trustana, trustoo, sitoo, closient, truvideo`)
}

func TestEverySpecIsComplete(t *testing.T) {
	for _, v := range All() {
		s := v.Spec()
		t.Run(s.Name, func(t *testing.T) {
			for _, text := range []string{s.Title, s.Docs, s.Flow, s.BaseURL} {
				require.NotEmpty(t, text)
			}
			require.True(t, strings.HasPrefix(s.BaseURL, "https://"))
			require.NotEmpty(t, s.Fields)
			for _, f := range s.Fields {
				require.NotEmpty(t, f.Doc, f.Name)
				require.NotEmpty(t, f.Type, f.Name)
				require.Equal(t, f.Pattern != nil, f.Want != "", f.Name)
				if f.Default != "" {
					require.Contains(t, f.Choices, f.Default)
				}
			}
			for _, setting := range s.Settings {
				require.NotEmpty(t, setting.Doc, setting.Name)
				if setting.Default != "" {
					require.Contains(t, setting.Choices, setting.Default, setting.Name)
				}
			}
			for _, set := range s.Credentials {
				for _, name := range set {
					_, known := s.Setting(name)
					require.True(t, known, name)
				}
			}
			if s.NameField != "" {
				_, known := s.Field(s.NameField)
				require.True(t, known)
			}
			for _, r := range s.Takes {
				require.Positive(t, r.MaxBytes)
				for _, kind := range r.Types {
					require.NotEmpty(t, media.Type(kind).Extension(), "%s is a type that bytes can be found to be", kind)
				}
				if r.Setting != "" {
					_, known := s.Setting(r.Setting)
					require.True(t, known)
				}
			}
			require.Equal(t, s.Rate > 0, s.Burst > 0)
			if s.Poll.Deadline > 0 {
				require.NotEmpty(t, s.Poll.Waits)
			}
			_, found := s.Field("nothing")
			require.False(t, found)
			_, found = s.Setting("nothing")
			require.False(t, found)
		})
	}
}

func TestSecretsAreMarkedAsSuch(t *testing.T) {
	var secret []string
	for _, v := range All() {
		for _, setting := range v.Spec().Settings {
			if setting.Secret {
				secret = append(secret, v.Spec().Name+" "+setting.Name)
			}
		}
	}
	require.Equal(t, []string{
		"trustana api_key",
		"trustoo private_token", "trustoo access_token", "trustoo client_secret", "trustoo refresh_token",
		"sitoo token", "sitoo password",
		"closient api_key",
		"truvideo api_key", "truvideo secret",
	}, secret)
}

func TestAnAccountNeedsOneWholeSetOfCredentials(t *testing.T) {
	type settings = map[string]string
	cases := []struct {
		name, vendor string
		settings     settings
		want         string // "" for none missing
	}{
		{"a key", "trustana", settings{"api_key": "k"}, ""},
		{"no key", "trustana", settings{}, "no complete credentials for trustana, want api_key"},
		{"an empty key", "closient", settings{"api_key": ""}, "want api_key"},
		{"two tokens", "trustoo", settings{"public_token": "a", "private_token": "b"}, ""},
		{"an access token", "trustoo", settings{"access_token": "a"}, ""},
		{"what OAuth needs", "trustoo", settings{"client_id": "a", "client_secret": "b", "refresh_token": "c"}, ""},
		{"half of each", "trustoo", settings{"public_token": "a", "client_id": "b"}, "want public_token and private_token, or access_token, or client_id and client_secret and refresh_token"},
		{"a token", "sitoo", settings{"token": "t"}, ""},
		{"a token that is chosen", "sitoo", settings{"auth": "bearer", "token": "t"}, ""},
		{"an ID and a password that are chosen", "sitoo", settings{"auth": "basic", "api_id": "a", "password": "p"}, ""},
		{"an ID and a password that are not chosen", "sitoo", settings{"api_id": "a", "password": "p"}, "want token (auth is bearer)"},
		{"a token where a password is chosen", "sitoo", settings{"auth": "basic", "token": "t"}, "want api_id and password (auth is basic)"},
		{"half of what is chosen", "sitoo", settings{"auth": "basic", "api_id": "a"}, "want api_id and password"},
		{"all three", "truvideo", settings{"api_key": "a", "secret": "b", "external_id": "c"}, ""},
		{"two of three", "truvideo", settings{"api_key": canary, "secret": canary}, "want api_key and secret and external_id"},
	}
	for _, c := range cases {
		t.Run(c.vendor+": "+c.name, func(t *testing.T) {
			err := spec(t, c.vendor).CheckSettings(c.settings)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), canary)
		})
	}
	t.Run("and nothing is asked for that was not wanted before", func(t *testing.T) {
		s := spec(t, "sitoo")
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
		account            Account
		want, hint         string
	}{
		{name: "a JPEG", vendor: "trustana", kind: "image/jpeg", size: 1},
		{name: "a TIFF", vendor: "trustana", kind: "image/tiff", size: 50 << 20},
		{name: "one byte more than it takes", vendor: "trustana", kind: "image/jpeg", size: 50<<20 + 1, want: "52428801 bytes are more than the 52428800 that trustana takes", hint: "max_bytes"},
		{name: "less than the account takes", vendor: "trustana", kind: "image/jpeg", size: 11, account: Account{MaxBytes: 10}, want: "11 bytes are more than the 10"},
		{name: "more, where the account takes it", vendor: "trustana", kind: "image/jpeg", size: 60 << 20, account: Account{MaxBytes: 60 << 20}},
		{name: "nothing", vendor: "trustana", kind: "image/jpeg", want: "empty"},
		{name: "an SVG", vendor: "trustana", kind: "image/svg+xml", size: 1, want: "trustana takes no image/svg+xml, want one of image/jpeg, image/png"},
		{name: "a HEIC", vendor: "trustana", kind: "image/heic", size: 1, want: "takes no HEIC", hint: heic},
		{name: "a HEIF", vendor: "sitoo", kind: "image/heif", size: 1, want: "takes no HEIC", hint: heic},
		{name: "a HEIC", vendor: "closient", kind: "image/heic", size: 1, want: "takes no HEIC", hint: heic},
		{name: "a HEIC", vendor: "truvideo", kind: "image/heic", size: 1, want: "takes no HEIC", hint: heic},
		{name: "a WebP", vendor: "trustoo", kind: "image/webp", size: 20 << 20},
		{name: "one byte more than it takes", vendor: "trustoo", kind: "image/webp", size: 20<<20 + 1, want: "more than the 20971520"},
		{name: "a video without the setting", vendor: "trustoo", kind: "video/mp4", size: 1, want: "trustoo takes video/mp4 only where the account sets video: true"},
		{name: "a video with the setting", vendor: "trustoo", kind: "video/mp4", size: 5 << 30, account: Account{Settings: map[string]string{"video": "true"}}},
		{name: "a video that is too large", vendor: "trustoo", kind: "video/mp4", size: 5<<30 + 1, account: Account{Settings: map[string]string{"video": "true"}}, want: "more than"},
		{name: "a video with the setting off", vendor: "trustoo", kind: "video/webm", size: 1, account: Account{Settings: map[string]string{"video": "false"}}, want: "only where"},
		{name: "a PDF", vendor: "sitoo", kind: "application/pdf", size: 1, want: "sitoo takes no application/pdf, want one of image/jpeg, image/png, image/webp, image/gif"},
		{name: "the largest", vendor: "sitoo", kind: "image/gif", size: 20 << 20},
		{name: "one byte more than it takes", vendor: "sitoo", kind: "image/gif", size: 20<<20 + 1, want: "more than"},
		{name: "an SVG", vendor: "closient", kind: "image/svg+xml", size: 10 << 20},
		{name: "one byte more than it takes", vendor: "closient", kind: "image/svg+xml", size: 10<<20 + 1, want: "more than"},
		{name: "a film", vendor: "truvideo", kind: "video/x-matroska", size: 72_000_000_000},
		{name: "one byte more than it takes", vendor: "truvideo", kind: "video/x-matroska", size: 72_000_000_001, want: "more than"},
		{name: "a sound", vendor: "truvideo", kind: "audio/flac", size: 1},
		{name: "a picture that it lacks", vendor: "truvideo", kind: "image/gif", size: 1, want: "truvideo takes no image/gif"},
	}
	for _, c := range cases {
		t.Run(c.vendor+": "+c.name, func(t *testing.T) {
			err := spec(t, c.vendor).CheckContent(upload.Content{Type: c.kind, Size: c.size}, c.account)
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
		err := spec(t, "trustoo").CheckContent(upload.Content{Type: "image/tiff", Size: 1}, Account{})
		require.NotContains(t, err.Error(), "video")
		err = spec(t, "trustoo").CheckContent(upload.Content{Type: "image/tiff", Size: 1}, Account{Settings: map[string]string{"video": "true"}})
		require.ErrorContains(t, err, "video/mp4")
	})
}

// The limits of TruVideo's sessions, at their bounds: contract 7.4.
func TestTruvideosPlans(t *testing.T) {
	const mib = 1 << 20
	most := int64(truvideoMaxPart * truvideoMaxParts)
	for _, c := range []struct {
		name     string
		size     int64
		partSize int64
		parts    int
	}{
		{"one byte", 1, 1, 1},
		{"just below what is sent in parts", 10_000_000 - 1, 10_000_000 - 1, 1},
		{"the largest that is sent whole", 10_000_000, 10_000_000, 1},
		{"one byte more is cut, into no more than it needs", 10_000_000 + 1, 10 * mib, 1},
		{"one part less a byte", 10*mib - 1, 10 * mib, 1},
		{"one part", 10 * mib, 10 * mib, 1},
		{"one part and a byte", 10*mib + 1, 10 * mib, 2},
		{"just below the second step", 100_000_000 - 1, 10 * mib, 10},
		{"the second step", 100_000_000, 10 * mib, 10},
		{"just above the second step", 100_000_000 + 1, 32 * mib, 3},
		{"just below the third step", 1_000_000_000 - 1, 32 * mib, 30},
		{"the third step", 1_000_000_000, 32 * mib, 30},
		{"just above the third step", 1_000_000_000 + 1, 64 * mib, 15},
		{"as many parts as there may be, less a byte", 120*64*mib - 1, 64 * mib, 120},
		{"as many parts as there may be", 120 * 64 * mib, 64 * mib, 120},
		{"a byte more makes larger parts", 120*64*mib + 1, 65 * mib, 119},
		{"the largest, less a byte", most - 1, truvideoMaxPart, 120},
		{"the largest", most, truvideoMaxPart, 120},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, err := upload.PlanParts(c.size, *truvideoSpec.Parts)
			require.NoError(t, err)
			require.Equal(t, c.size, plan.Size)
			require.Equal(t, c.parts, plan.Parts)
			require.LessOrEqual(t, plan.PartSize, max(c.partSize, c.size))
			if plan.Parts > 1 {
				require.Equal(t, c.partSize, plan.PartSize)
				require.GreaterOrEqual(t, plan.PartSize, int64(truvideoMinPart))
				require.LessOrEqual(t, plan.PartSize, int64(truvideoMaxPart))
			}
		})
	}
	for _, size := range []int64{0, -1, most + 1} {
		_, err := upload.PlanParts(size, *truvideoSpec.Parts)
		require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	}
}

package vendors_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

func TestVendorsAreFoundByName(t *testing.T) {
	require.Equal(t, []string{"trustana", "trustoo", "sitoo", "closient", "truvideo"}, vendors.Names())
	for _, name := range vendors.Names() {
		v, err := vendors.Find(name)
		require.NoError(t, err)
		require.Equal(t, name, v.Spec().Name)
		require.Same(t, v.Spec(), v.Spec(), "it is constant")
	}
	_, err := vendors.Find("trustanna")
	require.EqualError(t, err, `unknown vendor "trustanna", want one of trustana, trustoo, sitoo, closient, truvideo`)
}

func TestEverySpecIsComplete(t *testing.T) {
	for _, v := range vendors.All() {
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
				for _, name := range set.Settings {
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
	for _, v := range vendors.All() {
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

package spec_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// A computer with a program that decodes HEIC, or without.
func withProgram(t *testing.T, there bool) {
	t.Helper()
	dir := t.TempDir()
	if there {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "heif-convert"), []byte("#!/bin/sh\n"), 0o700))
	}
	t.Setenv("PATH", dir)
}

func TestAnAccountThatConvertsTakesWhatCanBeConverted(t *testing.T) {
	withProgram(t, true)
	account := spec.Account{Name: "sitoo", Convert: true}
	sitoo := specOf(t, "sitoo")
	is, err := sitoo.CheckMedium(media.Claim{Head: isoMedia("heic"), Name: "IMG 1.HEIC"}, 5000, account)
	require.NoError(t, err)
	require.Equal(t, media.Found{Type: media.JPEG, Name: "IMG 1.jpg"}, is.Found)
	require.Equal(t, &upload.Original{Size: 5000, Type: "image/heic", Convert: true, Most: 20 << 20}, is.Original)

	jpeg := media.Claim{Head: []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01"), Name: "a.jpg"}
	is, err = sitoo.CheckMedium(jpeg, 5000, account)
	require.NoError(t, err)
	require.Equal(t, &upload.Original{Size: 5000, Type: "image/jpeg"}, is.Original, "it is taken as it is")
	is, err = sitoo.CheckMedium(jpeg, 21<<20, account)
	require.NoError(t, err)
	require.True(t, is.Original.Convert, "it is too large")
	_, err = sitoo.CheckMedium(jpeg, 129<<20, account)
	require.ErrorContains(t, err, "only pictures of up to 128 MiB are converted")
	account.MaxBytes = 4000
	is, err = sitoo.CheckMedium(jpeg, 5000, account)
	require.NoError(t, err)
	require.EqualValues(t, 4000, is.Original.Most)

	_, err = sitoo.CheckMedium(media.Claim{Head: isoMedia("isom"), Name: "a.mp4"}, 5000, account)
	require.ErrorContains(t, err, "sitoo does not accept video/mp4")
	_, err = sitoo.CheckMedium(media.Claim{Head: isoMedia("heic"), Name: "a.jpg"}, 5000, account)
	require.ErrorContains(t, err, "the file is image/heic, but its name")
	require.Equal(t, "rename it to a.heic", upload.AsError(err, "").Hint)
}

func TestHintsLeadToAConversionThatWorks(t *testing.T) {
	heic := media.Claim{Head: isoMedia("heic"), Name: "a.heic"}
	sitoo := specOf(t, "sitoo")
	hint := func(claim media.Claim, size int64, account spec.Account) string {
		account.Name = "shop"
		_, err := sitoo.CheckMedium(claim, size, account)
		require.Equal(t, upload.KindInvalid, upload.KindOf(err))
		return upload.AsError(err, "").Hint
	}
	withProgram(t, true)
	require.Equal(t, "convert it to JPEG, for example with: heif-convert -q 92 IN.heic OUT.jpg; or set convert: true for account shop", hint(heic, 5000, spec.Account{}))
	require.NotContains(t, hint(heic, 200<<20, spec.Account{}), "convert: true", "it is too large for that")
	require.Contains(t, hint(media.Claim{Head: isoMedia("heic"), Name: "a.jpg"}, 5000, spec.Account{}), "; or rename it to a.heic, and set convert: true for account shop")
	require.NotContains(t, hint(media.Claim{Head: isoMedia("isom"), Name: "a.mp4"}, 5000, spec.Account{}), "convert: true")
	withProgram(t, false)
	require.Contains(t, hint(heic, 5000, spec.Account{}), "; or install heif-convert")
	require.Contains(t, hint(heic, 5000, spec.Account{}), ", and set convert: true for account shop")
	require.Regexp(t, "^install heif-convert", hint(heic, 5000, spec.Account{Convert: true}))
}

func TestANameGetsTheExtensionOfWhatIsSent(t *testing.T) {
	sitoo := specOf(t, "sitoo")
	original := &upload.Original{Type: "image/heic", Convert: true}
	content := upload.Content{Type: "image/jpeg", Name: "source.jpg", Original: original}
	for name, want := range map[string]string{"": "source.jpg", "a.heic": "a.jpg", "a.jpeg": "a.jpeg", "a": "a.jpg", "v1.2": "v1.2.jpg"} {
		item := upload.Item{Fields: upload.Fields{"file_name": name}}
		require.Equal(t, want, sitoo.FileName(item, content))
		require.NoError(t, sitoo.CheckName(item, isoMedia("heic"), original), name)
	}
	require.Error(t, sitoo.CheckName(upload.Item{Fields: upload.Fields{"file_name": "a.png"}}, isoMedia("heic"), original))
}

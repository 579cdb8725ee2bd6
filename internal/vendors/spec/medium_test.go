package spec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// isoMedia is the beginning of a file of one brand.
func isoMedia(brand string) []byte {
	return []byte("\x00\x00\x00\x14ftyp" + brand + "\x00\x00\x00\x00" + brand + "\x00\x00\x00\x08free")
}

func TestHintsLeadToWhatTheAccountAccepts(t *testing.T) {
	webp := []byte("RIFF\x10\x00\x00\x00WEBPVP8 \x04\x00\x00\x00")
	jpeg := []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01")
	for name, c := range map[string]struct {
		vendor     string
		claim      media.Claim
		says, hint string
	}{
		"HEIC under a JPEG's name":        {"trustana", media.Claim{Head: isoMedia("heic"), Name: "iphone.jpg"}, "the file is image/heic, but its name \"iphone.jpg\" means image/jpeg; trustana does not accept HEIC", "convert it to JPEG, for example with: heif-convert"},
		"AVIF under a JPEG's name":        {"truvideo", media.Claim{Head: isoMedia("avif"), Name: "cdn.jpg"}, "truvideo does not accept image/avif", "convert it to JPEG, for example with: heif-convert"},
		"AAC in MP4 under a name of AAC":  {"truvideo", media.Claim{Head: isoMedia("M4A "), Name: "m4a.aac"}, "truvideo does not accept audio/mp4", "convert it to MP3, for example with: ffmpeg"},
		"a film with the brand of sounds": {"truvideo", media.Claim{Head: isoMedia("M4A "), Name: "clip.mp4"}, "", ""},
		"WebP that the vendor accepts":    {"trustana", media.Claim{Head: webp, Name: "a.jpg"}, "but its name", "rename it to a.webp"},
		"WebP that the vendor refuses":    {"truvideo", media.Claim{Head: webp, Name: "a.jpg", Free: true, Served: "image/webp"}, "truvideo does not accept image/webp", "convert it to JPEG, for example with: magick"},
		"JPEG at the end of a film's URL": {"trustana", media.Claim{Head: jpeg, Name: "a.mp4", Free: true}, "", ""},
		"a film for a vendor of pictures": {"trustana", media.Claim{Head: isoMedia("isom"), Name: "a.mp4"}, "trustana does not accept video/mp4", "use an account at a vendor that accepts video/mp4"},
		"a text for a vendor of pictures": {"trustana", media.Claim{Head: []byte("hello"), Name: "a.jpg"}, "text/plain", "open it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := specOf(t, c.vendor).CheckMedium(c.claim, 1000, spec.Account{})
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.Equal(t, upload.KindInvalid, upload.KindOf(err))
			require.Contains(t, upload.AsError(err, "").Hint, c.hint)
		})
	}
}

func TestANameInACellIsChangedThere(t *testing.T) {
	item := upload.Item{Fields: upload.Fields{"fileName": "a.jpg"}}
	err := specOf(t, "trustana").CheckName(item, []byte("RIFF\x10\x00\x00\x00WEBPVP8 \x04\x00\x00\x00"), nil)
	require.ErrorContains(t, err, "image/webp")
	require.Equal(t, "set fileName to a.webp", upload.AsError(err, "").Hint)
}

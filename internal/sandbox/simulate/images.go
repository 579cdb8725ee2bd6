package simulate

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// ImageType tells the images that any of the vendors takes by their first bytes;
// "" is anything else.
func ImageType(head []byte) string {
	for _, sign := range []struct{ text, kind string }{
		{"\xff\xd8\xff", "image/jpeg"},
		{"\x89PNG\r\n\x1a\n", "image/png"},
		{"GIF87a", "image/gif"},
		{"GIF89a", "image/gif"},
		{"BM", "image/bmp"},
		{"II*\x00", "image/tiff"},
		{"MM\x00*", "image/tiff"},
	} {
		if bytes.HasPrefix(head, []byte(sign.text)) {
			return sign.kind
		}
	}
	if len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP" {
		return "image/webp"
	}
	text := bytes.TrimLeft(head, " \t\r\n\xef\xbb\xbf")
	if bytes.HasPrefix(text, []byte("<")) && bytes.Contains(head, []byte("<svg")) {
		return "image/svg+xml"
	}
	return ""
}

type (
	decoder      func(io.Reader) (image.Image, error)
	configReader func(io.Reader) (image.Config, error)
)

// DecoderOf gives what decodes images of a media type, and their sizes.
func DecoderOf(contentType string) (decoder, configReader, error) {
	switch contentType {
	case "image/jpeg":
		return jpeg.Decode, jpeg.DecodeConfig, nil
	case "image/png":
		return png.Decode, png.DecodeConfig, nil
	case "image/gif":
		return gif.Decode, gif.DecodeConfig, nil
	case "image/webp":
		return webp.Decode, webp.DecodeConfig, nil
	}
	return nil, nil, fmt.Errorf("%q is not converted here", contentType)
}

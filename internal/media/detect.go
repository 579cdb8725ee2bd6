package media

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// Detect tells the type of a medium from its first bytes, of which it looks at
// HeadMost at most. It knows much that is no medium as well, so that a refusal
// can name it; what it does not know is Unknown. It never fails.
//
// The signatures are those of the mimetype library; where it takes one format
// for another, or overlooks one of ours, Detect looks closer first.
func Detect(head []byte) Type {
	head = head[:min(len(head), HeadMost)]
	if len(head) == 0 {
		return Unknown
	}
	for _, look := range []func([]byte) Type{isoBrand, riff, sound, bigTIFF, oldBitmap, rawPicture, transportStream, svg} {
		if kind := look(head); kind != "" {
			return kind
		}
	}
	return library(head)
}

// library is what mimetype makes of the bytes, by the table's names.
func library(head []byte) Type {
	kind := canonical(bare(mimetype.Detect(head).String()))
	if (kind == "" || kind == Unknown || kind == Text) && latePDF(head) {
		return PDF
	}
	switch kind {
	case "", Unknown, MP3, AAC:
		// One matching pair of bytes is enough for the library to name a sound; sound has
		// looked at the frames and found none. Some begin within a frame.
		return cmp.Or(cutSound(head), Unknown)
	case SVG:
		return "text/xml" // svg has looked at the root and found another
	}
	return kind
}

// latePDF tells documents before which programs have left something: readers accept the
// first mark within 1,024 bytes.
func latePDF(head []byte) bool {
	return bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-"))
}

// rawPicture adds the raw formats of cameras that the library does not know.
func rawPicture(head []byte) Type {
	for mark, kind := range map[string]Type{
		"FUJIFILMCCD-RAW": "image/x-fuji-raf",
		"IIRO":            "image/x-olympus-orf", "IIRS": "image/x-olympus-orf", "MMOR": "image/x-olympus-orf",
		"IIU\x00": "image/x-panasonic-rw2",
	} {
		if bytes.HasPrefix(head, []byte(mark)) {
			return kind
		}
	}
	return ""
}

// Undecided reports whether a head ends before what tells its type, so that more of the
// medium may tell: up to HeadMost.
func Undecided(head []byte) bool {
	return len(head) >= HeadSize && len(head) < HeadMost && (len(open(head)) > 0 || Detect(head) == Unknown && mayBeSound(head))
}

// open lists what a head may be that ends too soon to tell, the likeliest first.
func open(head []byte) []Type {
	head = head[:min(len(head), HeadMost)]
	switch {
	case onlyTags(head):
		return []Type{MP3, AAC, FLAC}
	case len(head) >= HeadSize && cutDrawing(head):
		return []Type{SVG}
	}
	return nil
}

func bare(name string) string {
	name, _, _ = strings.Cut(name, ";")
	return name
}

// riff tells the formats in Microsoft's container. AVI files need not begin
// with a header list, and sounds above 4 GiB call themselves RF64.
func riff(head []byte) Type {
	if len(head) < 12 {
		return ""
	}
	outer, inner := string(head[:4]), string(head[8:12])
	switch {
	case outer == "RIFF" && inner == "AVI ":
		return AVI
	case outer == "RIFF" && inner == "WEBP":
		return WebP
	case (outer == "RIFF" || outer == "RF64" || outer == "BW64") && inner == "WAVE":
		return WAV
	}
	return ""
}

// transportStream tells MPEG-2 transport streams by the first byte of their packets.
// Cameras put a time of four bytes before each, and broadcasts a checksum after it.
func transportStream(head []byte) Type {
	const sync, packets = 0x47, 5
	for _, form := range []struct{ size, offset int }{{188, 0}, {192, 4}, {204, 0}} {
		n := 0
		for at := form.offset; at < len(head) && head[at] == sync; at += form.size {
			n++
		}
		if n >= packets {
			return "video/mp2t"
		}
	}
	return ""
}

// bigTIFF adds the 64-bit form of TIFF, which the library does not know.
func bigTIFF(head []byte) Type {
	if bytes.HasPrefix(head, []byte("II+\x00\x08\x00\x00\x00")) || bytes.HasPrefix(head, []byte("MM\x00+\x00\x08\x00\x00")) {
		return TIFF
	}
	return ""
}

// bitmapHeader is the size of the oldest bitmap header, which the library does
// not know.
const bitmapHeader = 12

func oldBitmap(head []byte) Type {
	if len(head) < 26 || head[0] != 'B' || head[1] != 'M' || binary.LittleEndian.Uint32(head[6:]) != 0 {
		return ""
	}
	if binary.LittleEndian.Uint32(head[14:]) == bitmapHeader && binary.LittleEndian.Uint16(head[22:]) == 1 { // one plane
		return BMP
	}
	return ""
}

// Brands by what they stand for. The others are MP4.
var (
	brandsHEIC = []string{"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"}
	brandsAVIF = []string{"avif", "avis"}
	brandsHEIF = []string{"mif1", "mif2", "mif3", "msf1", "miaf", "avci", "avcs", "avic", "MiHE", "MiHB", "MiPr", "MiAB", "geo1", "unif"}
	brandsM4A  = []string{"M4A ", "M4B ", "M4P ", "F4A ", "F4B ", "NDAS"}
)

// isoBrand tells the formats made of ISO boxes by the brand of their ftyp box,
// and QuickTime files from before there was one. Pictures of several brands
// (mif1 first, heic among the compatible ones) are told by the narrowest.
func isoBrand(head []byte) Type {
	for offset := 0; offset+8 <= len(head); {
		size, name := binary.BigEndian.Uint32(head[offset:]), string(head[offset+4:offset+8])
		switch name {
		case "ftyp":
			kind := brand(head[offset:], size)
			if kind == "audio/mp4" && bytes.Contains(head, []byte("vmhd")) {
				return MP4 // some programs give films the brand of sounds
			}
			return kind
		case "moov", "mdat", "pnot":
			if head[offset] < ' ' { // a text that has this word at its beginning has a letter here
				return QuickTime
			}
			return ""
		case "free", "skip", "wide": // padding, before whatever comes
			if size < 8 || head[offset] >= ' ' {
				return ""
			}
			offset += int(size)
		default:
			return ""
		}
		if offset+8 > len(head) {
			return QuickTime // padding beyond the head is QuickTime's habit
		}
	}
	return ""
}

func brand(box []byte, size uint32) Type {
	if size < 16 || box[0] != 0 || len(box) < 12 {
		return ""
	}
	box = box[:min(len(box), int(size))]
	major := string(box[8:12])
	compatible := []string{major}
	for at := 16; at+4 <= len(box); at += 4 {
		compatible = append(compatible, string(box[at:at+4]))
	}
	has := func(brands []string) bool {
		return slices.ContainsFunc(compatible, func(b string) bool { return slices.Contains(brands, b) })
	}
	switch {
	case slices.Contains(brandsAVIF, major), slices.Contains(brandsHEIF, major) && has(brandsAVIF):
		return AVIF
	case slices.Contains(brandsHEIC, major), slices.Contains(brandsHEIF, major) && has(brandsHEIC):
		return HEIC
	case slices.Contains(brandsHEIF, major):
		return HEIF
	case slices.Contains(brandsM4A, major):
		return "audio/mp4"
	case major == "qt  ", major == "moov", major == "mqt ":
		return QuickTime
	case major == "crx ":
		return "image/x-canon-cr3"
	case major[:3] == "3g2", major == "KDDI":
		return "video/3gpp2"
	case major[:2] == "3g":
		return ThreeGPP
	case major == "mjp2", major == "mj2s":
		return "video/mj2"
	case major == "jp2 ", major == "jpx ", major == "jpm ":
		return "image/jp2"
	}
	return MP4
}

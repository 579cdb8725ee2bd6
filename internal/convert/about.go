package convert

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/mediaferry/mediaferry/internal/media"
)

// about is what a file says of its picture beside the pixels.
type about struct {
	profile     []byte // ICC; nil: none
	primaries   int    // of a picture without a profile, as ITU-T H.273 counts them; 0: not said
	orientation int    // as EXIF counts them, from 1 to 8; 0: not said
	notes       []string
	refused     *refusal
}

// profileMost is how large a colour profile may be.
const profileMost = 16 << 20

// aboutOf reads what a file says. decoded is the PNG that another program made of it,
// which is upright.
func aboutOf(kind media.Type, source, decoded []byte) about {
	switch kind {
	case media.JPEG:
		return aboutJPEG(source)
	case media.PNG:
		return aboutPNG(source)
	case media.WebP:
		return aboutWebP(source)
	case media.TIFF:
		is := directoryOf(source)
		if is.more > 0 {
			is.notes = append(is.notes, fmt.Sprintf("it is the first of %d pages", is.more+1))
		}
		return is.about
	case media.GIF:
		return aboutGIF(source)
	case media.HEIC, media.HEIF, media.AVIF:
		is := aboutPNG(decoded)
		return about{profile: is.profile}.declared(source)
	}
	return about{}
}

// turned reports whether width and height change places.
func (a about) turned() bool { return a.orientation >= 5 && a.orientation <= 8 }

// place is where a pixel belongs in the upright picture.
func (a about) place(x, y, wide, high int) (int, int) {
	switch a.orientation {
	case 2:
		return wide - 1 - x, y
	case 3:
		return wide - 1 - x, high - 1 - y
	case 4:
		return x, high - 1 - y
	case 5:
		return y, x
	case 6:
		return high - 1 - y, x
	case 7:
		return high - 1 - y, wide - 1 - x
	case 8:
		return y, wide - 1 - x
	}
	return x, y
}

func aboutJPEG(content []byte) about {
	var is about
	var parts [][]byte // of the profile, by number
	for at := 2; at+4 <= len(content) && content[at] == 0xff; {
		marker, length := content[at+1], int(binary.BigEndian.Uint16(content[at+2:]))
		if marker == 0xda || length < 2 || at+2+length > len(content) {
			break
		}
		body := content[at+4 : at+2+length]
		switch {
		case marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			is.orientation = directoryOf(body[6:]).orientation
		case marker == 0xe2 && bytes.HasPrefix(body, []byte("ICC_PROFILE\x00")) && len(body) > 14:
			if parts == nil {
				parts = make([][]byte, 256)
			}
			parts[body[12]] = body[14:]
		}
		at += 2 + length
	}
	is.profile = bytes.Join(parts, nil)
	return is
}

func aboutPNG(content []byte) about {
	var is about
	const signature = 8
	for at := signature; at+12 <= len(content); {
		length, name := int(binary.BigEndian.Uint32(content[at:])), string(content[at+4:at+8])
		if length < 0 || length > len(content)-at-12 {
			break
		}
		body := content[at+8 : at+8+length]
		switch name {
		case "iCCP":
			if _, rest, found := bytes.Cut(body, []byte{0}); found && len(rest) > 1 {
				is.profile = inflate(rest[1:])
			}
		case "eXIf":
			is.orientation = directoryOf(body).orientation
		case "acTL":
			is.refused = animated
		case "IDAT":
			return is
		}
		at += 12 + length
	}
	return is
}

func inflate(packed []byte) []byte {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	profile, err := io.ReadAll(io.LimitReader(r, profileMost))
	if err != nil {
		return nil
	}
	return profile
}

// animated is the refusal of what moves: its first picture is not what was meant.
var animated = refuse("export one picture of it as JPEG", "it is an animation")

func aboutWebP(content []byte) about {
	var is about
	const head = 12
	for at := head; at+8 <= len(content); {
		length := int(binary.LittleEndian.Uint32(content[at+4:]))
		if length < 0 || length > len(content)-at-8 {
			break
		}
		body := content[at+8 : at+8+length]
		switch string(content[at : at+4]) {
		case "ICCP":
			is.profile = body
		case "EXIF":
			is.orientation = directoryOf(bytes.TrimPrefix(body, []byte("Exif\x00\x00"))).orientation
		case "ANIM", "ANMF":
			is.refused = animated
		}
		at += 8 + length + length&1
	}
	return is
}

// aboutGIF counts pictures, by walking over blocks.
func aboutGIF(content []byte) about {
	const head = 13
	if len(content) < head {
		return about{}
	}
	table := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	pictures := 0
	for at := head + table(content[10]); at < len(content) && content[at] != 0x3b; {
		switch {
		case content[at] == 0x21:
			at += 2
		case content[at] == 0x2c && at+10 < len(content):
			if pictures++; pictures > 1 {
				return about{refused: animated}
			}
			at += 11 + table(content[at+9])
		default:
			return about{}
		}
		for at < len(content) && content[at] != 0 {
			at += 1 + int(content[at])
		}
		at++
	}
	return about{}
}

package picture

import (
	"encoding/binary"
	"image"
	"image/color"
)

// cost is about how many bytes a decoder allocates for a picture, as its head says. A
// head can lie; then the limits of the process hold.
func cost(content []byte, config image.Config, format string) int64 {
	pixels := int64(config.Width) * int64(config.Height)
	switch format {
	case "jpeg":
		return costOfJPEG(content, pixels)
	case "png":
		const interlace = 28 // of the file: behind the signature and the head's other fields
		bytes := pixels * bytesOf(config.ColorModel)
		if len(content) > interlace && content[interlace] != 0 {
			bytes *= 2 // each pass is an image of its own
		}
		return bytes
	case "gif":
		return pixels * 2 // the frame, and once more where it is interlaced
	case "webp":
		return pixels * 8 // pixels before and after a transform
	}
	return pixels * max(bytesOf(config.ColorModel), 4) * 2 // the file's own pixels, and the image
}

// bytesOf is how many bytes a pixel of a decoded image takes.
func bytesOf(model color.Model) int64 {
	switch model {
	case color.GrayModel, color.AlphaModel:
		return 1
	case color.Gray16Model, color.Alpha16Model:
		return 2
	case color.NRGBA64Model, color.RGBA64Model:
		return 8
	}
	if _, palette := model.(color.Palette); palette {
		return 1
	}
	return 4
}

// costOfJPEG reads the frame's head: the samples of all components, four bytes more for
// each where they come progressively, because their coefficients are kept, and another
// image where there are four components.
func costOfJPEG(content []byte, pixels int64) int64 {
	const unknown = 1 << 62
	progressive, frame := frameOf(content)
	if len(frame) < 6 {
		return unknown
	}
	high, wide := int64(binary.BigEndian.Uint16(frame[1:])), int64(binary.BigEndian.Uint16(frame[3:]))
	n := int(frame[5])
	if len(frame) < 6+3*n {
		return unknown
	}
	var most [2]int64 // sampling factors, across and down
	var blocks int64  // of all components, in each unit
	for i := range n {
		across, down := int64(frame[7+3*i]>>4), int64(frame[7+3*i]&15)
		most[0], most[1] = max(most[0], across), max(most[1], down)
		blocks += across * down
	}
	if most[0] == 0 || most[1] == 0 {
		return unknown
	}
	units := ((wide + 8*most[0] - 1) / (8 * most[0])) * ((high + 8*most[1] - 1) / (8 * most[1]))
	samples := units * blocks * 64
	bytes := samples
	if progressive {
		bytes += 4 * samples
	}
	if n > 3 {
		bytes += 8 * pixels
	}
	return bytes
}

// frameOf is the head of the first frame of a JPEG, behind its marker and length, and
// whether it is progressive; nil where there is none.
func frameOf(content []byte) (progressive bool, frame []byte) {
	for at := 2; at+4 <= len(content); {
		if content[at] != 0xff {
			at++ // filling, which decoders pass over
			continue
		}
		marker := content[at+1]
		switch {
		case marker == 0xff:
			at++
			continue
		case marker == 0x00, marker == 0x01, marker >= 0xd0 && marker <= 0xd8: // without a length
			at += 2
			continue
		}
		length := int(binary.BigEndian.Uint16(content[at+2:]))
		if marker >= 0xc0 && marker <= 0xc2 {
			end := min(at+2+length, len(content))
			return marker == 0xc2, content[min(at+4, end):end]
		}
		at += 2 + max(length, 2)
	}
	return false, nil
}

package media

import (
	"bytes"
	"strings"
)

// sound tells MP3, AAC and FLAC, with or without ID3 tags before them.
func sound(head []byte) Type {
	rest, tagged := skipTags(head)
	if len(rest) == 0 && tagged {
		return MP3 // the tag hides what follows; most such files are MP3
	}
	if tagged {
		rest = bytes.TrimLeft(rest, "\x00") // some programs count the padding outside the tag
	}
	switch {
	case bytes.HasPrefix(rest, []byte("fLaC")):
		return FLAC
	case bytes.HasPrefix(rest, []byte("ADIF")):
		return AAC
	case bytes.HasPrefix(rest, []byte("MAC ")):
		return "audio/ape"
	}
	if !tagged {
		// Some encoders leave zeros before the first frame.
		rest = bytes.TrimLeft(rest, "\x00")
	}
	switch {
	case framed(rest, adtsFrame):
		return AAC
	case framed(rest, mpegFrame):
		return MP3
	case tagged:
		return behindTag(rest)
	}
	return ""
}

// behindTag tells the other formats before which programs put ID3 tags. Frames of MP3
// may follow later than the tag says.
func behindTag(rest []byte) Type {
	if kind := riff(rest); kind != "" {
		return kind
	}
	if kind := library(rest); strings.HasPrefix(string(kind), "audio/") {
		return kind
	}
	return MP3
}

// onlyTags reports whether the head is ID3 tags to its end. They belong to MP3, but
// stand before AAC and FLAC as well.
func onlyTags(head []byte) bool {
	rest, tagged := skipTags(head)
	return tagged && len(bytes.TrimLeft(rest, "\x00")) == 0
}

// skipTags returns what follows all ID3v2 tags: some programs add one to another.
func skipTags(head []byte) (rest []byte, tagged bool) {
	for {
		next, found := skipID3(head)
		if !found {
			return head, tagged
		}
		head, tagged = next, true
	}
}

// cutSound tells MP3 and AAC that begin within a frame, as recordings of streams do: by
// four frames in a row.
func cutSound(head []byte) Type {
	const enough, most = 4, 4 << 10 // a frame has at most 1,441 bytes of MP3; of AAC, 8,191
	for at := range min(len(head), most) {
		if head[at] != 0xff {
			continue
		}
		switch {
		case follow(head[at:], mpegFrame, enough):
			return MP3
		case follow(head[at:], adtsFrame, enough):
			return AAC
		}
	}
	return ""
}

// mayBeSound reports whether a head ends in frames that are too few to tell a sound.
func mayBeSound(head []byte) bool {
	const least = 2
	for at := range head {
		if head[at] == 0xff && (toEnd(head[at:], mpegFrame) >= least || toEnd(head[at:], adtsFrame) >= least) {
			return true
		}
	}
	return false
}

// toEnd counts frames that go on to the end of data; 0 if something else follows them.
func toEnd(data []byte, length func([]byte) int) int {
	for n := 0; ; n++ {
		if len(data) < frameHeader {
			return n
		}
		size := length(data)
		if size == 0 {
			return 0
		}
		data = data[min(size, len(data)):]
	}
}

// follow reports whether data begins with that many frames, the last of which may be
// cut.
func follow(data []byte, length func([]byte) int, frames int) bool {
	for range frames {
		size := length(data)
		if size == 0 {
			return false
		}
		data = data[min(size, len(data)):]
	}
	return true
}

// skipID3 returns what follows an ID3v2 tag, as far as the head reaches.
func skipID3(head []byte) (rest []byte, tagged bool) {
	const header = 10
	if len(head) < header || !bytes.HasPrefix(head, []byte("ID3")) || head[3] == 0xff || head[4] == 0xff {
		return head, false
	}
	size := header
	if head[5]&0x10 != 0 {
		size += header // a footer
	}
	body := 0
	for _, b := range head[6:header] { // seven bits a byte
		if b >= 0x80 {
			return head, false
		}
		body = body<<7 | int(b)
	}
	return head[min(size+body, len(head)):], true
}

// framed reports whether data begins with a frame and goes on with another one,
// where it is long enough to tell. length gives a frame's length from its
// header, 0 for what is none.
func framed(data []byte, length func([]byte) int) bool {
	const enough = 2 // a false match of both is one in millions
	for range enough {
		size := length(data)
		if size == 0 {
			return false
		}
		if size+frameHeader > len(data) {
			return true
		}
		data = data[size:]
	}
	return true
}

// frameHeader is what the length functions need of a frame, in bytes.
const frameHeader = 6

// adtsFrame is the length of an AAC frame in ADTS (ISO 13818-7, 6.2).
func adtsFrame(data []byte) int {
	if len(data) < frameHeader || data[0] != 0xff || data[1]&0xf6 != 0xf0 {
		return 0
	}
	if rate := data[2] >> 2 & 0xf; rate > 12 {
		return 0
	}
	size := int(data[3]&3)<<11 | int(data[4])<<3 | int(data[5])>>5
	if size < 7 {
		return 0
	}
	return size
}

// Bit rates in kbit/s and sampling rates in Hz of MPEG audio (ISO 11172-3 and
// 13818-3): layers I, II and III of version 1, then I and the rest of version 2.
var (
	mpegRates = [5][15]int{
		{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	}
	mpegSampling = [3]int{44100, 48000, 32000}
)

// mpegFrame is the length of an MPEG audio frame.
func mpegFrame(data []byte) int {
	if len(data) < frameHeader || data[0] != 0xff || data[1]&0xe0 != 0xe0 {
		return 0
	}
	version, layer := data[1]>>3&3, 4-int(data[1]>>1&3) // layer 4 is reserved
	rate, sampling := data[2]>>4, data[2]>>2&3
	if version == 1 || layer == 4 || rate == 0 || rate == 15 || sampling == 3 {
		return 0
	}
	row, hertz := layer-1, mpegSampling[sampling]
	if version != 3 { // versions 2 and 2.5 sample at a half and a quarter
		row, hertz = min(layer+2, 4), hertz>>1
	}
	if version == 0 {
		hertz >>= 1
	}
	padding := int(data[2] >> 1 & 1)
	bits := mpegRates[row][rate] * 1000
	switch {
	case layer == 1:
		return (12*bits/hertz + padding) * 4
	case layer == 3 && version != 3:
		return 72*bits/hertz + padding
	}
	return 144*bits/hertz + padding
}

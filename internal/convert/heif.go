package convert

import "encoding/binary"

// Code points of ITU-T H.273, by which containers of HEIC and AVIF name colours where they
// have no profile.
const (
	transferPQ  = 16
	transferHLG = 18
)

// declared adds what the container says of its colours. The program that decoded the
// picture has taken a profile over, but no code points.
func (a about) declared(source []byte) about {
	primaries, transfer := codePoints(source)
	if transfer == transferPQ || transfer == transferHLG {
		a.refused = refuse("export it as JPEG, which maps its tones", "it is a picture of high dynamic range")
	}
	if len(a.profile) == 0 {
		a.primaries = primaries
	}
	return a
}

// codePoints are the primaries and the transfer of the primary picture; 0 where it has
// none.
func codePoints(source []byte) (primaries, transfer int) {
	meta := box(source, "meta")
	if len(meta) < 4 {
		return 0, 0
	}
	meta = meta[4:] // version and flags
	properties := box(meta, "iprp")
	all := boxes(box(properties, "ipco"))
	of := associated(box(properties, "ipma"), primaryOf(box(meta, "pitm")))
	for i, one := range all {
		const size = 11 // kind, three code points, flag
		if one.name == "colr" && len(one.body) >= size && string(one.body[:4]) == "nclx" && of[i+1] {
			return int(binary.BigEndian.Uint16(one.body[4:])), int(binary.BigEndian.Uint16(one.body[6:]))
		}
	}
	return 0, 0
}

// namedBox is a box of ISO base media.
type namedBox struct {
	name string
	body []byte
}

func boxes(content []byte) []namedBox {
	var all []namedBox
	for len(content) >= 8 {
		size, head := uint64(binary.BigEndian.Uint32(content)), uint64(8)
		switch {
		case size == 1 && len(content) >= 16:
			size, head = binary.BigEndian.Uint64(content[8:]), 16
		case size == 0:
			size = uint64(len(content))
		}
		if size < head || size > uint64(len(content)) {
			break
		}
		all = append(all, namedBox{string(content[4:8]), content[head:size]})
		content = content[size:]
	}
	return all
}

// box is the body of the first box of a name; nil where there is none.
func box(content []byte, name string) []byte {
	for _, one := range boxes(content) {
		if one.name == name {
			return one.body
		}
	}
	return nil
}

// primaryOf reads the box that names the primary picture.
func primaryOf(pitm []byte) uint32 {
	switch {
	case len(pitm) >= 8 && pitm[0] > 0:
		return binary.BigEndian.Uint32(pitm[4:])
	case len(pitm) >= 6:
		return uint32(binary.BigEndian.Uint16(pitm[4:]))
	}
	return 0
}

// associated are the numbers of the properties of a picture, from 1.
func associated(ipma []byte, picture uint32) map[int]bool {
	const head = 8
	of := map[int]bool{}
	if len(ipma) < head {
		return of
	}
	wideIDs, wideNumbers := ipma[0] > 0, ipma[3]&1 != 0
	rest := ipma[head:]
	take := func(n int) (number uint32) {
		if len(rest) < n {
			rest = nil
			return 0
		}
		for _, b := range rest[:n] {
			number = number<<8 | uint32(b)
		}
		rest = rest[n:]
		return number
	}
	size := map[bool]int{false: 1, true: 2}
	for range binary.BigEndian.Uint32(ipma[4:]) {
		if rest == nil {
			break
		}
		is := take(2 * size[wideIDs])
		for range take(1) {
			number := int(take(size[wideNumbers]))
			if wideNumbers {
				number &= 0x7fff // without the flag that it is essential
			} else {
				number &= 0x7f
			}
			if is == picture {
				of[number] = true
			}
		}
	}
	return of
}

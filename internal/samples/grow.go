package samples

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
)

// Sizes of a box's head in bytes: a 32-bit size and a name, and the 64-bit size
// that may follow.
const (
	boxHead     = 8
	longBoxHead = 16
)

// GrowMP4 writes an MP4 of exactly size bytes that plays as the short one does:
// the short one, and a free box behind it, which players skip and which moves
// none of the offsets in the film's index. The box holds noise: no two parts of
// it are alike, nothing compresses it, and it is the same each time.
//
// It fails, before it writes anything, for what is no whole MP4 and for a size
// that no box can fill up to: one below that of the short one, or up to 7 bytes
// above it. Besides, it fails as w does.
func GrowMP4(w io.Writer, short []byte, size int64) error {
	if err := checkMP4(short); err != nil {
		return err
	}
	room := size - int64(len(short))
	if room != 0 && room < boxHead {
		return fmt.Errorf("an MP4 of %d bytes cannot be grown to %d, want %d or at least %d",
			len(short), size, len(short), len(short)+boxHead)
	}
	if _, err := w.Write(short); err != nil {
		return err
	}
	if room == 0 {
		return nil
	}
	head := freeBox(room)
	if _, err := w.Write(head); err != nil {
		return err
	}
	noise := rand.NewChaCha8([32]byte{'m', 'e', 'd', 'i', 'a', 'f', 'e', 'r', 'r', 'y'})
	_, err := io.CopyN(w, noise, room-int64(len(head)))
	return err
}

// freeBox is the head of a free box that takes up room bytes, itself included.
func freeBox(room int64) []byte {
	if room <= math.MaxUint32 {
		head := binary.BigEndian.AppendUint32(make([]byte, 0, boxHead), uint32(room))
		return append(head, "free"...)
	}
	head := binary.BigEndian.AppendUint32(make([]byte, 0, longBoxHead), 1) // the size stands behind the name
	return binary.BigEndian.AppendUint64(append(head, "free"...), uint64(room))
}

// checkMP4 makes sure that a box can be put behind the file: that it is made of
// whole boxes, of which the last does not claim everything that follows.
func checkMP4(file []byte) error {
	first, movie := true, false
	for rest := file; len(rest) > 0; first = false {
		name, size, err := nextBox(rest)
		if err != nil {
			return err
		}
		if first && name != "ftyp" {
			return fmt.Errorf("an MP4 begins with the box ftyp, not with %q", name)
		}
		movie = movie || name == "moov"
		rest = rest[size:]
	}
	if !movie {
		return errors.New("no MP4: there is no box moov")
	}
	return nil
}

// nextBox reads the head of the first box of data.
func nextBox(data []byte) (name string, size int64, err error) {
	if len(data) < boxHead {
		return "", 0, fmt.Errorf("no MP4: %d bytes at its end are no box", len(data))
	}
	name, size = string(data[4:boxHead]), int64(binary.BigEndian.Uint32(data))
	least := int64(boxHead)
	switch {
	case size == 0:
		return "", 0, fmt.Errorf("box %q runs to the end of the file, so that nothing can follow it", name)
	case size == 1 && len(data) < longBoxHead:
		return "", 0, fmt.Errorf("box %q is cut short", name)
	case size == 1:
		least = longBoxHead
		size = int64(binary.BigEndian.Uint64(data[boxHead:])) // a negative one is refused below
	}
	if size < least || size > int64(len(data)) {
		return "", 0, fmt.Errorf("box %q of %d bytes does not fit into the %d that are left", name, size, len(data))
	}
	return name, size, nil
}

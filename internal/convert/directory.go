package convert

import "encoding/binary"

// Tags of TIFF's first directory, which EXIF has as well.
const (
	tagOrientation = 274
	tagProfile     = 34675

	typeShort = 3
	entrySize = 12
	// pagesMost is up to how many pages are counted.
	pagesMost = 1000
)

// directory is the first directory of a TIFF file, or of EXIF.
type directory struct {
	about
	more int // directories that follow
}

// directoryOf reads the first directory. What is damaged says nothing.
func directoryOf(content []byte) directory {
	var is directory
	if len(content) < 8 {
		return is
	}
	var order binary.ByteOrder = binary.LittleEndian
	if content[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(content[4:]))
	entries, next, ok := entriesAt(content, order, at)
	for ; ok && len(entries) >= entrySize; entries = entries[entrySize:] {
		is.read(content, entries[:entrySize], order)
	}
	for seen := map[int64]bool{at: true}; ok && next != 0 && !seen[next] && is.more < pagesMost; {
		seen[next] = true
		if _, next, ok = entriesAt(content, order, next); ok {
			is.more++
		}
	}
	return is
}

func (d *directory) read(content, entry []byte, order binary.ByteOrder) {
	tag, kind, n := order.Uint16(entry), order.Uint16(entry[2:]), int64(order.Uint32(entry[4:]))
	switch {
	case tag == tagOrientation && kind == typeShort && n == 1:
		d.orientation = int(order.Uint16(entry[8:]))
	case tag == tagProfile && n > 4 && n <= profileMost:
		from := int64(order.Uint32(entry[8:]))
		if from+n <= int64(len(content)) {
			d.profile = content[from : from+n]
		}
	}
}

// entriesAt are the entries of the directory at an offset, and where the next one is; 0:
// nowhere.
func entriesAt(content []byte, order binary.ByteOrder, at int64) (entries []byte, next int64, ok bool) {
	if at < 8 || at+2 > int64(len(content)) {
		return nil, 0, false
	}
	n := int64(order.Uint16(content[at:]))
	end := at + 2 + n*entrySize
	if end+4 > int64(len(content)) {
		return nil, 0, false
	}
	return content[at+2 : end], int64(order.Uint32(content[end:])), true
}

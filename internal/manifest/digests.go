package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
)

// digests remembers texts and the line in which each first occurred, in little
// memory: 16 bytes a text, of which 12 are part of its SHA-256. Among ten million
// texts, the chance that two are confused is less than one in 10^14.
//
// The table is divided into small shards, chosen by the digest, that grow one at a
// time, so that the whole table never exists twice. Shards are between 65 and 85 %
// full, so that a text takes at most 25 bytes.
type digests struct {
	shards [shards]shard
}

const (
	shards     = 256
	leastSlots = 16
)

type shard struct {
	slots []slot
	used  int
}

// slot is free if its line is 0.
type slot struct {
	high uint64
	low  uint32
	line uint32
}

// first returns the line in which a text of the domain occurred before. If it did
// not, first remembers the text for this line and returns 0.
func (d *digests) first(domain, text string, line int) int {
	found := d.find(domain, text)
	if found.at.line != 0 {
		return int(found.at.line)
	}
	s := found.in
	if (s.used+1)*20 > len(s.slots)*17 {
		s.grow()
		found.at = s.seek(found.high, found.low)
	}
	*found.at = slot{found.high, found.low, uint32(min(line, math.MaxUint32))}
	s.used++
	return 0
}

// seen is like first, but remembers nothing.
func (d *digests) seen(domain, text string) int {
	return int(d.find(domain, text).at.line)
}

type finding struct {
	in   *shard
	at   *slot
	high uint64
	low  uint32
}

func (d *digests) find(domain, text string) finding {
	var room [512]byte // most texts fit, which avoids an allocation
	sum := sha256.Sum256(append(append(append(room[:0], domain...), 0), text...))
	f := finding{in: &d.shards[sum[12]], high: binary.BigEndian.Uint64(sum[:]), low: binary.BigEndian.Uint32(sum[8:])}
	if f.in.slots == nil {
		f.in.slots = make([]slot, leastSlots)
	}
	f.at = f.in.seek(f.high, f.low)
	return f
}

// seek returns the slot of a digest, or the free slot where it belongs.
func (s *shard) seek(high uint64, low uint32) *slot {
	start, _ := bits.Mul64(high, uint64(len(s.slots))) // high, scaled to the number of slots
	for i := int(start); ; i++ {
		if i == len(s.slots) {
			i = 0
		}
		at := &s.slots[i]
		if at.line == 0 || at.high == high && at.low == low {
			return at
		}
	}
}

func (s *shard) grow() {
	old := s.slots
	s.slots = make([]slot, len(old)*13/10+leastSlots/4)
	for _, one := range old {
		if one.line != 0 {
			*s.seek(one.high, one.low) = one
		}
	}
}

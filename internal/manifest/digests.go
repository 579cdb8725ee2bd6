package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
)

// digests remembers which texts were met, and in which line each was first, in
// little memory: 16 bytes for each text, of which 12 are of its SHA-256. Among
// ten million texts the chance that two are taken for one is less than one in
// 10^14.
//
// The table is many small ones, chosen by the digest, that grow on their own:
// there is never a moment at which the whole of it exists twice. They are filled
// to between 65 and 85 in a hundred, so that a text takes 25 bytes at most.
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

// slot is free while its line is 0.
type slot struct {
	high uint64
	low  uint32
	line uint32
}

// first returns the line at which a text of some domain was met before; where it
// was not, it is remembered for this line, and 0 is returned.
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

// seen is first without remembering.
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
	var room [512]byte // most texts fit, and then nothing is allocated
	sum := sha256.Sum256(append(append(append(room[:0], domain...), 0), text...))
	f := finding{in: &d.shards[sum[12]], high: binary.BigEndian.Uint64(sum[:]), low: binary.BigEndian.Uint32(sum[8:])}
	if f.in.slots == nil {
		f.in.slots = make([]slot, leastSlots)
	}
	f.at = f.in.seek(f.high, f.low)
	return f
}

// seek returns the slot of a digest, or the free one that it would take.
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

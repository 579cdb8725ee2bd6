package manifest

import (
	"encoding/binary"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// mostRepeats is how many rows that repeat others are carried along in a Layout:
// they take a few bytes each, and a Layout travels through histories.
const mostRepeats = 20_000

// repetition is what a row has in common with an earlier one.
type repetition byte

const (
	sameID      repetition = 'i'
	sameRow     repetition = 'r'
	samePrimary repetition = 'p'
)

// Domains of texts that are remembered.
const (
	domainID      = "id"
	domainWork    = "work" // of rows that have an id of their own
	domainPrimary = "primary"
)

// repeats finds rows that cannot stand beside earlier ones. Their lines are
// packed: for each the distance from the one before, the distance back to the
// row that it repeats, and what they have in common.
type repeats struct {
	met    digests
	kept   int
	packed []byte
	last   int // line of the last one that was packed
}

// check adds to a row what is wrong with it because of earlier ones. The first
// of several stays as it is.
func (r *repeats) check(row *Row) {
	if row.Item.ID != "" {
		r.identity(row)
	}
	if !row.Valid() {
		return
	}
	if key, last := row.SerialKey(); last {
		if line := r.met.first(domainPrimary, key, row.At.Line); line != 0 {
			r.refuse(row, samePrimary, line)
		}
	}
}

func (r *repeats) identity(row *Row) {
	id := row.Item.ID
	line := r.met.first(domainID, id, row.At.Line)
	if !row.named() {
		// The id was derived, and stands for all that the row asks for.
		if line != 0 {
			r.refuse(row, sameRow, line)
		} else if other := r.met.seen(domainWork, id); other != 0 {
			row.add(sameWork(other))
		}
		return
	}
	if line != 0 {
		r.refuse(row, sameID, line)
	}
	if !row.Valid() {
		return
	}
	work := upload.DeriveID(row.Item.Account, row.Item.Source, row.Item.Fields)
	other := r.met.seen(domainID, work)
	if first := r.met.first(domainWork, work, row.At.Line); other == 0 {
		other = first
	}
	if other != 0 {
		row.add(sameWork(other))
	}
}

// named reports whether the row has an id of its own.
func (r Row) named() bool {
	return slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.Column == columnID })
}

func (r *repeats) refuse(row *Row, what repetition, line int) {
	row.add(what.problem(*row, line))
	r.kept++
	if r.kept > mostRepeats {
		return
	}
	r.packed = binary.AppendUvarint(r.packed, uint64(row.At.Line-r.last))
	r.packed = binary.AppendUvarint(r.packed, uint64(row.At.Line-line))
	r.packed = append(r.packed, byte(what))
	r.last = row.At.Line
}

// problem words a repetition, alike whenever the row is read.
func (what repetition) problem(row Row, line int) *Problem {
	serial := &spec.Serial{} // of a row that is read again, and has no vendor any more
	if row.account != nil && row.account.spec.Serial != nil {
		serial = row.account.spec.Serial
	}
	switch what {
	case sameID:
		return problem(SortRepeat, columnID, "%s is the id of line %d already", shown(row.Item.ID), line).hint("give each row an id of its own, or remove one of the two")
	case samePrimary:
		return problem(SortPrimary, serial.Last, "line %d has %s of %s already", line, serial.LastIs, shown(row.Item.Fields.String(serial.Of))).
			hint("set %s in one row of a %s only", serial.Last, serial.OfA)
	}
	return problem(SortRepeat, columnSource, "asks for the same as line %d: account, source and fields are equal", line).hint("remove one of the two; to send a medium twice, give each row an id")
}

func sameWork(line int) *Problem {
	return problem(SortRepeat, columnSource, "asks for the same as line %d, under another id", line).hint("remove one of the two, unless the medium is to be there twice").warn()
}

// repetitions are what repeats has packed, by line.
type repetitions map[int][]repeated

type repeated struct {
	what repetition
	line int // of the row that is repeated
}

// unpack reads what repeats has packed. What is no such thing ends the list:
// the digest of a Layout is not its affair.
func unpack(packed []byte) repetitions {
	all, line := repetitions{}, 0
	for len(packed) > 0 {
		step, n := binary.Uvarint(packed)
		if n <= 0 {
			break
		}
		back, m := binary.Uvarint(packed[n:])
		if m <= 0 || n+m >= len(packed) {
			break
		}
		line += int(step)
		all[line] = append(all[line], repeated{repetition(packed[n+m]), line - int(back)})
		packed = packed[n+m+1:]
	}
	return all
}

// apply adds to a row what is wrong with it because of earlier ones.
func (r repetitions) apply(row *Row) {
	for _, one := range r[row.At.Line] {
		row.add(one.what.problem(*row, one.line))
	}
}

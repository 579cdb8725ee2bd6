package manifest

import (
	"encoding/binary"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// mostRepeats limits the duplicate rows in a Layout: they take a few bytes each, and
// a Layout is stored in histories.
const mostRepeats = 20_000

// repetition is what a row has in common with an earlier row.
type repetition byte

const (
	sameID      repetition = 'i'
	sameRow     repetition = 'r'
	samePrimary repetition = 'p'
)

// Domains of the texts that are remembered.
const (
	domainID      = "id"
	domainWork    = "work" // of rows with an id of their own
	domainPrimary = "primary"
)

// repeats finds rows that duplicate earlier ones. They are encoded as the distance
// from the previous duplicate, the distance back to the original row, and what the
// two have in common.
type repeats struct {
	met    digests
	kept   int
	packed []byte
	last   int // line of the last encoded row
}

// check adds the problems that a row has because of earlier rows. The first of
// several duplicates remains valid.
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
		// The id was derived from everything that the row asks for.
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

// named reports whether the row has an explicit id.
func (r Row) named() bool {
	return slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.Column == columnID && !empty(c.Text) })
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

// problem is the message for a repetition. It is the same in every reading.
func (what repetition) problem(row Row, line int) *Problem {
	serial := &spec.Serial{} // for a row that is read again and has no vendor any more
	if row.account != nil && row.account.spec.Serial != nil {
		serial = row.account.spec.Serial
	}
	switch what {
	case sameID:
		return problem(SortRepeat, columnID, "duplicate id %s, first used in line %d", shown(row.Item.ID), line).hint("give each row its own id, or remove one of the two")
	case samePrimary:
		return problem(SortPrimary, serial.LastField, "line %d already has %s of %s", line, serial.LastNoun, shown(row.Item.Fields.String(serial.KnownBy))).
			hint("set %s in only one row of a %s", serial.LastField, serial.Noun)
	}
	return problem(SortRepeat, columnSource, "duplicate of line %d, with the same account, source and fields", line).hint("remove one of the two; to send a file twice, give each row an id")
}

func sameWork(line int) *Problem {
	return problem(SortRepeat, columnSource, "duplicate of line %d, with another id", line).hint("remove one of the two, unless you want to send the file twice").warn()
}

// repetitions are the decoded duplicates, by line.
type repetitions map[int][]repeated

type repeated struct {
	what repetition
	line int // of the original row
}

// unpack decodes the duplicates of a Layout. Invalid data ends the list: a Layout is
// verified elsewhere.
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

// apply adds the problems that a row has because of earlier rows.
func (r repetitions) apply(row *Row) {
	for _, one := range r[row.At.Line] {
		row.add(one.what.problem(*row, one.line))
	}
}

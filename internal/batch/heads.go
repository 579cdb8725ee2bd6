package batch

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Sampling says how many sources are opened to look at their first bytes.
type Sampling struct {
	// Most is up to how many sources are all opened. Of more, Spread are opened,
	// spread over the manifest.
	Most, Spread int
	// All opens every source, however many there are.
	All bool
	// Web opens sources of every scheme, and not only files of this host.
	Web bool
}

// SampleHeads is how planning and loading look at files if nothing else is asked for: all
// files up to 10,000, and 1,000 of more.
func SampleHeads() Sampling { return Sampling{Most: 10_000, Spread: 1_000} }

// SampleOf opens up to n sources of every scheme, spread over the manifest.
func SampleOf(n int) Sampling { return Sampling{Most: n, Spread: n, Web: true} }

// SampleAll opens the sources of all rows.
func SampleAll() Sampling { return Sampling{All: true, Web: true} }

// Sample is what came of opening sources.
type Sample struct {
	Looked int64 `json:"looked"`
	Good   int64 `json:"good"`
	// Unseen is how many could not be looked at in time, or did not answer.
	Unseen int64 `json:"unseen,omitempty"`
	// MeanBytes is the mean size of those that could be looked at.
	MeanBytes int64 `json:"mean_bytes"`

	bytes, measured int64
}

// heads opens the sources of some rows, each as likely as any other. The same manifest
// gives the same rows.
type heads struct {
	sampling Sampling
	look     func(ctx context.Context, item upload.Item) (looked, error)
	met      int
	rows     []chosen
	dice     *rand.Rand
	sample   Sample
}

// chosen is a row whose source is to be opened.
type chosen struct {
	row  manifest.Row
	seen seen
}

// verdict is what came of one source.
type verdict struct {
	chosen // its row has a problem more, if it is refused
	// unseen says why it is not known whether the source is fit; nil: it is known.
	unseen error
	looked
}

const (
	// lookers is how many sources are opened at once.
	lookers = 32
	// sampleTime is how long a sample may take. Sources that have not been opened by
	// then are left out.
	sampleTime = 3 * time.Minute
)

// offer takes a valid row that would be sent. It returns verdicts where every source
// is opened.
func (h *heads) offer(ctx context.Context, row manifest.Row, is seen) ([]verdict, error) {
	if !row.Valid() || !h.sampling.Web && !row.Item.Local() {
		return nil, nil
	}
	h.met++
	switch {
	case h.sampling.All:
		if h.rows = append(h.rows, chosen{row, is}); len(h.rows) < pageRows {
			return nil, nil
		}
		return h.open(ctx)
	case len(h.rows) < h.sampling.Most:
		h.rows = append(h.rows, chosen{row, is})
		return nil, nil
	}
	if h.dice == nil {
		h.dice = rand.New(rand.NewPCG(1, uint64(h.sampling.Most)))
	}
	if at := h.dice.IntN(h.met); at < h.sampling.Most {
		h.rows[at] = chosen{row, is}
	}
	return nil, nil
}

// end opens what was chosen, after the last row.
func (h *heads) end(ctx context.Context) ([]verdict, error) {
	if !h.sampling.All && h.met > h.sampling.Most && h.sampling.Spread < len(h.rows) {
		h.dice.Shuffle(len(h.rows), func(i, j int) { h.rows[i], h.rows[j] = h.rows[j], h.rows[i] })
		h.rows = h.rows[:h.sampling.Spread]
	}
	slices.SortFunc(h.rows, func(a, b chosen) int { return cmp.Compare(a.row.At.Row, b.row.At.Row) })
	return h.open(ctx)
}

// open opens the sources of the rows that were kept, several at once.
func (h *heads) open(ctx context.Context) ([]verdict, error) {
	found := make([]verdict, len(h.rows))
	soon, cancel := h.hurry(ctx)
	defer cancel()
	turns := make(chan int)
	var done sync.WaitGroup
	for range min(lookers, len(found)) {
		done.Go(func() {
			for i := range turns {
				found[i] = h.judge(soon, h.rows[i])
			}
		})
	}
	for i := range found {
		turns <- i
	}
	close(turns)
	done.Wait()
	h.rows = h.rows[:0]
	for _, v := range found {
		h.count(v)
	}
	return found, ctx.Err()
}

// hurry bounds the time of a sample. Whoever wants all sources opened waits for them.
func (h *heads) hurry(ctx context.Context) (context.Context, context.CancelFunc) {
	if h.sampling.All {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, sampleTime)
}

// judge opens one source.
func (h *heads) judge(ctx context.Context, one chosen) verdict {
	v := verdict{chosen: one}
	if v.unseen = ctx.Err(); v.unseen != nil {
		return v
	}
	is, err := h.look(ctx, one.row.Item)
	v.looked, v.unseen = is, refuse(&v.row, is.column, err)
	return v
}

func (h *heads) count(v verdict) {
	s := &h.sample
	if v.size > 0 {
		s.bytes, s.measured = s.bytes+v.size, s.measured+1
		s.MeanBytes = s.bytes / s.measured
	}
	switch {
	case v.unseen != nil:
		s.Unseen++
		return
	case v.row.Valid():
		s.Good++
	}
	s.Looked++
}

// warning is a warning about a source that did not answer; nil where there was no time
// to ask.
func (v verdict) warning() *manifest.Problem {
	var known *upload.Error
	if v.unseen == nil || !errors.As(v.unseen, &known) || errors.Is(v.unseen, context.DeadlineExceeded) {
		return nil
	}
	return &manifest.Problem{
		Line: v.row.Line(), Sort: manifest.SortSource, Column: "source", Message: known.Message,
		Hint: "check it before the batch is started: rows with sources that do not answer wait for them", Warning: true,
	}
}

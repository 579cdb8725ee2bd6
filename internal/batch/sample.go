package batch

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Sample is what came of opening some of the sources for real.
type Sample struct {
	Looked int `json:"looked"`
	Good   int `json:"good"`
	// Unseen is how many could not be looked at in time.
	Unseen int `json:"unseen,omitempty"`
	// MeanBytes is the mean size of those that could be looked at.
	MeanBytes int64    `json:"mean_bytes"`
	Bad       []Looked `json:"bad,omitempty"`
}

// Looked is a source that would not be taken.
type Looked struct {
	Line    int         `json:"line"`
	Account string      `json:"to"`
	Source  string      `json:"source"` // without query
	Kind    upload.Kind `json:"kind"`
	Message string      `json:"message"`
	Hint    string      `json:"hint,omitempty"`
}

// reservoir keeps a few rows out of many, each as likely as any other. The same
// manifest gives the same rows.
type reservoir struct {
	most int
	met  int
	rows []planned
	dice *rand.Rand
}

func newReservoir(most int) *reservoir {
	return &reservoir{most: most, dice: rand.New(rand.NewPCG(1, uint64(most)))}
}

func (r *reservoir) offer(one planned) {
	r.met++
	if len(r.rows) < r.most {
		r.rows = append(r.rows, one)
		return
	}
	if at := r.dice.IntN(r.met); at < r.most {
		r.rows[at] = one
	}
}

const (
	// lookers is how many sources are opened at once.
	lookers = 32
	// sampleTime is how long that may take for all of them. Those that are slow are left
	// out.
	sampleTime = 3 * time.Minute
)

// look opens the sources of the sample, as the first step of an upload does.
func (m *planner) look(ctx context.Context) (*Sample, error) {
	rows := m.sample.rows
	slices.SortFunc(rows, func(a, b planned) int { return cmp.Compare(a.row.Line(), b.row.Line()) })
	soon, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	sizes, faults := make([]int64, len(rows)), make([]error, len(rows))
	turns := make(chan int)
	var done sync.WaitGroup
	for range min(lookers, len(rows)) {
		done.Go(func() {
			for i := range turns {
				if sizes[i], faults[i] = m.lookAt(soon, rows[i]); faults[i] != nil && soon.Err() != nil {
					faults[i] = errUnseen
				}
			}
		})
	}
	for i := range rows {
		select {
		case turns <- i:
		case <-soon.Done():
			faults[i] = errUnseen
		}
	}
	close(turns)
	done.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return judge(rows, sizes, faults), nil
}

// errUnseen marks a source that was not looked at in time.
var errUnseen = errors.New("there was no time to look")

func (m *planner) lookAt(ctx context.Context, one planned) (size int64, err error) {
	item := one.row.Item
	look, err := m.Sources.Look(ctx, item.Source)
	if err != nil {
		return 0, err
	}
	return look.Size, checkLook(one.account.vendor.Spec(), one.account.account, item, found{look.Size, look.Head, look.Name})
}

type found struct {
	size int64
	head []byte
	name string
}

// checkLook holds what a source begins with against what its vendor takes.
func checkLook(spec *spec.Spec, account spec.Account, item upload.Item, is found) error {
	kind, err := media.Check(is.head, is.name, item.ContentType)
	if err != nil {
		return err
	}
	if err := spec.CheckContent(upload.Content{Size: is.size, Type: string(kind.Type), Name: kind.Name}, account); err != nil {
		return err
	}
	return spec.CheckName(item, is.head)
}

func judge(rows []planned, sizes []int64, faults []error) *Sample {
	s := &Sample{}
	var sum, measured int64
	for i, one := range rows {
		if errors.Is(faults[i], errUnseen) {
			s.Unseen++
			continue
		}
		s.Looked++
		if sizes[i] > 0 {
			sum, measured = sum+sizes[i], measured+1
		}
		if faults[i] == nil {
			s.Good++
			continue
		}
		e := upload.AsError(faults[i], upload.StepClaim)
		s.Bad = append(s.Bad, Looked{
			Line: one.row.Line(), Account: one.account.Account, Source: upload.DisplaySource(one.row.Item.Source),
			Kind: e.Kind, Message: e.Message, Hint: e.Hint,
		})
	}
	if measured > 0 {
		s.MeanBytes = sum / measured
	}
	return s
}

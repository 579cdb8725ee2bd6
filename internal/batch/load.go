package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Books are where a batch and its rows are put down. A *ledger.Ledger is one.
type Books interface {
	Batch(ctx context.Context, id string) (ledger.Batch, error)
	OpenBatch(ctx context.Context, batch ledger.Batch) (found ledger.Batch, made bool, err error)
	BatchLoaded(ctx context.Context, id string, total int64) error
	Counts(ctx context.Context, f ledger.Filter) (map[upload.State]int64, error)
	RecordAll(ctx context.Context, records []upload.Record) ([]*ledger.Refusal, error)
	ChangeBatch(ctx context.Context, id string, change ledger.BatchChange) (ledger.Batch, error)
}

// Loading is what Load is asked.
type Loading struct {
	Place   manifest.Place
	Opener  manifest.Opener
	Catalog manifest.Catalog
	Ledger  Books

	// Batch names the batch; see upload.CheckBatchID.
	Batch string
	// To is the account of rows that name none, Again sends rows that were delivered
	// before, and Literal names columns that are taken as they are. They decide, with
	// the manifest, what the batch is.
	To      string
	Again   bool
	Literal []string
	// SkipInvalid puts down as failed what cannot be sent as it is, and goes on with
	// the others: a row whose source alone is unfit fails when it is its turn, and
	// can be run again once its source is mended.
	SkipInvalid bool

	// Fresh tells which rows were delivered before: they are left out. Nil: all
	// rows are put down, and those that are known end as ready without being sent.
	Fresh Delivered

	// Limits, Canary and By are those of a batch that is made now; one that is
	// there keeps its own.
	Limits upload.Limits
	Canary int
	By     string

	// Queue tells who can read a local path. Errors that refuse no row end the
	// loading, before anything is written.
	Queue Queue
	// Sources looks at sources from outside, and opens as many as SampleHeads says, so that
	// rows are refused whose sources cannot be sent; nil: no source is looked at.
	Sources *sources.Sources

	// Beat is told now and then how many rows are loaded; it may be nil.
	Beat func(rows int64)
	Now  func() time.Time
}

// Loaded is a batch whose rows are in the ledger.
type Loaded struct {
	Batch ledger.Batch
	// Attached says that the batch was there, with the same rows.
	Attached bool
	Layout   manifest.Layout
	// Found is what is wrong with the manifest: with SkipInvalid its refused
	// rows, and otherwise warnings alone.
	Found manifest.Collected

	fresh int64 // valid rows that were not delivered before
}

// ErrNothingNew says that all rows were delivered before, so that there is no
// batch to be made.
var ErrNothingNew = errors.New("all rows were delivered before")

// Load puts the rows of a manifest into the ledger as a batch. It may be
// repeated: a batch of the same name, manifest and definition is attached to, or
// loaded on where that was interrupted. Nothing is written where a row is bad,
// unless SkipInvalid says so; the error is then a *RefusedError. It is an
// *upload.Error of kind invalid where the name belongs to another batch, and of
// kind missing where the manifest changes under way, and ErrNothingNew where Fresh
// leaves no row.
func Load(ctx context.Context, l Loading) (Loaded, error) {
	if err := upload.CheckBatchID(l.Batch); err != nil {
		return Loaded{}, upload.Errorf(upload.KindInvalid, upload.StepClaim, "%w", err)
	}
	if l.Now == nil {
		l.Now = time.Now
	}
	found, err := l.Ledger.Batch(ctx, l.Batch)
	attached := err == nil
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return Loaded{}, err
	}
	if attached && found.State != upload.BatchLoading {
		l.Sources = nil // its files may be gone by now
	}
	loaded, err := l.check(ctx)
	if err != nil {
		return loaded, err
	}
	if l.Fresh != nil && loaded.fresh == 0 {
		return loaded, ErrNothingNew
	}
	wanted, err := l.batch(loaded.Layout)
	if err != nil {
		return loaded, err
	}
	if loaded.Attached = attached; !attached {
		if refused := l.refused(loaded.Found); refused != nil {
			return loaded, refused
		}
		if found, _, err = l.Ledger.OpenBatch(ctx, wanted); err != nil {
			return loaded, err
		}
	}
	loaded.Batch = found
	if err := l.same(found, wanted); err != nil {
		return loaded, err
	}
	if found.State != upload.BatchLoading {
		return loaded, nil
	}
	total, err := l.load(ctx, loaded.Layout)
	if err != nil {
		return loaded, err
	}
	if err := l.Ledger.BatchLoaded(ctx, l.Batch, total); err != nil {
		return loaded, err
	}
	start := ledger.BatchEvent{What: "start", By: l.By, Detail: fmt.Sprintf("%d rows of %s", total, l.Place.Display())}
	loaded.Batch, err = l.Ledger.ChangeBatch(ctx, l.Batch, ledger.BatchChange{Event: start})
	return loaded, err
}

// check reads the manifest through and finds everything that is wrong with it. Where
// the batch is there already, its rows were looked at when it was loaded.
func (l Loading) check(ctx context.Context) (Loaded, error) {
	var loaded Loaded
	whole := false
	e := l.examiner()
	page := l.newPage(func(_ context.Context, rows []manifest.Row) error {
		loaded.fresh += int64(len(rows))
		return nil
	})
	layout, err := read(ctx, l.Place, l.options(), func(header []manifest.Problem) error {
		loaded.Found.Add(header...)
		whole = whole || fatal(header)
		return nil
	}, func(row manifest.Row) error {
		is, err := e.outside(ctx, &row)
		if err != nil {
			return err
		}
		loaded.Found.AddRow(row)
		if !row.Valid() {
			return nil
		}
		if _, err := e.heads.offer(ctx, row, is); err != nil || l.Fresh == nil {
			return err
		}
		return page.add(ctx, row)
	})
	if err == nil {
		err = page.flush(ctx)
	}
	if err != nil {
		return loaded, err
	}
	loaded.Layout = layout
	if whole {
		return loaded, &RefusedError{Manifest: l.Place.Display(), Found: loaded.Found, Whole: true}
	}
	return loaded, loaded.open(ctx, e.heads)
}

// examiner is what refuses rows because of their sources.
func (l Loading) examiner() *examiner {
	sampling := SampleHeads()
	if l.Sources == nil {
		sampling = Sampling{}
	}
	e := newExaminer(l.Catalog, l.Sources, sampling)
	e.queue = l.Queue
	return e
}

// open opens the files that were chosen.
func (l *Loaded) open(ctx context.Context, heads *heads) error {
	found, err := heads.end(ctx)
	for _, v := range found {
		if !v.row.Valid() {
			l.Found.Refused++
			l.Found.Add(v.row.Problems[len(v.row.Problems)-1])
		}
	}
	return err
}

func (l Loading) options() manifest.Options {
	return manifest.Options{Opener: l.Opener, Catalog: l.Catalog, To: l.To, Batch: l.Batch, Again: l.Again, Literal: l.Literal}
}

func (l Loading) refused(found manifest.Collected) error {
	if found.Refused == 0 || l.SkipInvalid {
		return nil
	}
	return &RefusedError{Manifest: l.Place.Display(), Found: found}
}

// batch is what is put down of the batch.
func (l Loading) batch(layout manifest.Layout) (ledger.Batch, error) {
	form, err := json.Marshal(layout.Form())
	return ledger.Batch{
		ID: l.Batch, Manifest: l.Place.Display(), Form: string(form), Digest: layout.SHA256, Definition: l.definition(),
		Total: int64(layout.Rows), State: upload.BatchLoading, Limits: l.Limits, Canary: l.Canary, By: l.By, CreatedAt: l.Now(),
	}, err
}

// definition is a digest of what decides the rows besides the manifest.
func (l Loading) definition() string {
	literal := slices.Clone(l.Literal)
	slices.Sort(literal)
	canonical, err := json.Marshal([]any{l.To, l.Again, slices.Compact(literal), l.Place.Sheet})
	if err != nil { // strings and a truth value always can be
		canonical = []byte(l.To)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])[:32]
}

// same refuses a batch that has the name but other rows.
func (l Loading) same(found, wanted ledger.Batch) error {
	var what string
	switch {
	case found.Digest != wanted.Digest:
		what = "with another manifest or an earlier version of this one"
	case found.Definition != wanted.Definition:
		what = "with another sheet, --to, --again or --literal"
	default:
		return nil
	}
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "batch %q was started %s, %s", l.Batch, found.CreatedAt.Local().Format(time.DateTime), what).
		WithHint("choose another name with --id; rows that were delivered before are not sent again")
}

// load reads the manifest once more and puts its rows down; it returns how many
// those are. Rows that an interrupted loading put down are passed over.
func (l Loading) load(ctx context.Context, was manifest.Layout) (int64, error) {
	skip, err := l.loaded(ctx)
	if err != nil {
		return 0, err
	}
	done := skip
	page := l.newPage(func(ctx context.Context, rows []manifest.Row) error {
		if err := l.record(ctx, rows); err != nil {
			return err
		}
		done += int64(len(rows))
		if l.Beat != nil {
			l.Beat(done)
		}
		return nil
	})
	e, form := l.examiner(), was.Form()
	e.sources = nil // a run looks at them, and finds what was found
	is, err := read(ctx, l.Place, l.options(), func([]manifest.Problem) error { return nil }, func(row manifest.Row) error {
		if int64(row.At.Row) < skip {
			return nil
		}
		if _, err := e.outside(ctx, &row); err != nil {
			return err
		}
		row.Item.Given = form.Given(row)
		return page.add(ctx, row)
	})
	if err != nil {
		return 0, err
	}
	if is.SHA256 != was.SHA256 || is.Rows != was.Rows {
		return 0, upload.Errorf(upload.KindMissing, upload.StepClaim, "manifest %q changed while it was read: its SHA-256 was %s and is now %s", l.Place.Display(), was.SHA256, is.SHA256).
			WithHint("nothing was sent; start it again with another --id")
	}
	err = page.flush(ctx)
	return done, err
}

// loaded is how many rows from the beginning are in the ledger for certain. They
// are put down a page after another; the last page may be there in part. Where
// rows are left out nothing can be told from their number, and putting one down
// twice does no harm.
func (l Loading) loaded(ctx context.Context) (int64, error) {
	if l.Fresh != nil {
		return 0, nil
	}
	counts, err := l.Ledger.Counts(ctx, ledger.Filter{Batch: l.Batch})
	if err != nil {
		return 0, err
	}
	var n int64
	for _, count := range counts {
		n += count
	}
	return n / pageRows * pageRows, nil
}

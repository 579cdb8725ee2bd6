package batch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// catalog has an account of each vendor.
type catalog struct{}

func (catalog) AccountNames() []string { return vendors.Names() }
func (catalog) Profile(name string) (spec.Account, error) {
	if !slices.Contains(vendors.Names(), name) {
		return spec.Account{}, fmt.Errorf("unknown account %q", name)
	}
	account := spec.Account{Name: name, Vendor: name, BaseURL: "https://" + name + ".example"}
	if name == "trustana" {
		account.Rate, account.Burst = 5, 5
	}
	return account, nil
}

// written is a manifest of this text in a folder of its own.
func written(t *testing.T, text string) manifest.Place {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spring.csv")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	place, err := manifest.Locate(path, "/")
	require.NoError(t, err)
	return place
}

func opener() manifest.Opener { return manifest.From(sources.New(sources.Options{})) }

func open(t *testing.T) *ledger.Ledger {
	t.Helper()
	return ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
}

func loading(place manifest.Place, books batch.Books) batch.Loading {
	return batch.Loading{
		Place: place, Opener: opener(), Catalog: catalog{}, Ledger: books, Batch: "spring", By: "anna@host",
		Queue: func(context.Context, string) (string, error) { return upload.HostQueue("host", "/"), nil },
	}
}

// many is a manifest of so many good rows.
func many(rows int) string {
	var b strings.Builder
	b.WriteString("source,to,id\n")
	for i := range rows {
		fmt.Fprintf(&b, "img/%d.jpg,trustana,row-%d\n", i, i)
	}
	return b.String()
}

func rowsOf(t *testing.T, books *ledger.Ledger, batch string) []ledger.Entry {
	t.Helper()
	var all []ledger.Entry
	for entry, err := range books.List(t.Context(), ledger.Filter{Batch: batch}) {
		require.NoError(t, err)
		all = append(all, entry)
	}
	return all
}

func TestARowOfAManifestBecomesAWaitingItem(t *testing.T) {
	books, place := open(t), written(t, "source,to,id,skuIds\nimg/a.jpg,trustana,front,A|B\nhttps://host.example/b.jpg?sig=x,trustoo,,\n")
	told := int64(0)
	l := loading(place, books)
	l.Limits, l.Canary = upload.Limits{InFlight: 3}, 2
	l.Beat = func(rows int64) { told = rows }
	loaded, err := batch.Load(t.Context(), l)
	require.NoError(t, err)
	require.False(t, loaded.Attached)
	require.Equal(t, int64(2), told)
	require.Equal(t, upload.BatchRunning, loaded.Batch.State)
	require.Equal(t, int64(2), loaded.Batch.Total)
	require.Equal(t, upload.Limits{InFlight: 3}, loaded.Batch.Limits)
	require.Equal(t, 2, loaded.Batch.Canary)

	rows := rowsOf(t, books, "spring")
	require.Len(t, rows, 2)
	require.Equal(t, upload.StateWaiting, rows[0].Result.State)
	require.Empty(t, rows[0].RunID)
	first, err := rows[0].Item()
	require.NoError(t, err)
	require.Equal(t, "batch/spring/front", first.UploadID)
	require.Equal(t, upload.HostQueue("host", "/"), first.Queue)
	require.Equal(t, []string{"A", "B"}, first.Fields.Strings("skuIds"))
	second, err := rows[1].Item()
	require.NoError(t, err)
	require.Empty(t, second.Queue, "every worker can read a URL")
	require.Equal(t, "https://host.example/b.jpg?sig=x", second.Source)

	events, err := books.BatchEvents(t.Context(), "spring")
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(events, func(e ledger.BatchEvent) bool { return e.What == "start" && e.By == "anna@host" }))
}

func TestNothingIsWrittenWhereARowIsBad(t *testing.T) {
	books, place := open(t), written(t, "source,to\nimg/a.jpg,trustana\nimg/b.jpg,trustanna\n")
	_, err := batch.Load(t.Context(), loading(place, books))
	var refused *batch.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	require.Equal(t, 1, refused.Found.Refused)
	require.Equal(t, 3, refused.Found.Groups()[0].Lines.First())
	_, err = books.Batch(t.Context(), "spring")
	require.ErrorIs(t, err, ledger.ErrNotFound)
	require.Empty(t, rowsOf(t, books, "spring"))
}

func TestBadRowsAreReportedWhereTheyAreLeftOut(t *testing.T) {
	broken, err := os.ReadFile("../manifest/testdata/broken.csv")
	require.NoError(t, err)
	books, place := open(t), written(t, string(broken))
	l := loading(place, books)
	l.SkipInvalid = true
	loaded, err := batch.Load(t.Context(), l)
	require.NoError(t, err)
	require.Equal(t, 200, loaded.Found.Refused)
	counts, err := books.Counts(t.Context(), ledger.Filter{Batch: "spring"})
	require.NoError(t, err)
	require.Equal(t, int64(200), counts[upload.StateFailed])
	require.Equal(t, int64(202), counts[upload.StateWaiting])
	for _, row := range rowsOf(t, books, "spring") {
		if row.Result.State != upload.StateFailed {
			continue
		}
		require.Equal(t, upload.KindInvalid, row.Result.Error.Kind)
		require.NotEmpty(t, row.Result.Error.Hint)
		require.NotNil(t, row.Result.FinishedAt)
	}
}

func TestAHeaderThatIsWrongCannotBeLeftOut(t *testing.T) {
	books, place := open(t), written(t, "source,to,gtim\nimg/a.jpg,trustana,\n")
	l := loading(place, books)
	l.SkipInvalid = true
	_, err := batch.Load(t.Context(), l)
	var refused *batch.RefusedError
	require.ErrorAs(t, err, &refused)
	require.True(t, refused.Whole)
	require.Contains(t, err.Error(), "gtim")
}

func TestTheSameBatchIsAttachedToAndAnotherOneRefused(t *testing.T) {
	books, place := open(t), written(t, many(3))
	_, err := batch.Load(t.Context(), loading(place, books))
	require.NoError(t, err)
	loaded, err := batch.Load(t.Context(), loading(place, books))
	require.NoError(t, err)
	require.True(t, loaded.Attached)
	require.Len(t, rowsOf(t, books, "spring"), 3)

	for name, change := range map[string]func(*batch.Loading){
		"another account for rows that name none": func(l *batch.Loading) { l.To = "sitoo" },
		"sending once more":                       func(l *batch.Loading) { l.Again = true },
		"another manifest":                        func(l *batch.Loading) { l.Place = written(t, many(4)) },
	} {
		t.Run(name, func(t *testing.T) {
			l := loading(place, books)
			change(&l)
			loaded, err := batch.Load(t.Context(), l)
			require.Equal(t, upload.KindInvalid, upload.KindOf(err))
			require.ErrorContains(t, err, `batch "spring" was started`)
			require.True(t, loaded.Attached)
		})
	}
}

// failing refuses pages.
type failing struct {
	*ledger.Ledger
	refuse func(page int) error
	pages  int
}

func (f *failing) RecordAll(ctx context.Context, records []upload.Record) ([]*ledger.Refusal, error) {
	f.pages++
	if err := f.refuse(f.pages); err != nil {
		return nil, err
	}
	return f.Ledger.RecordAll(ctx, records)
}

func TestALoadingThatBrokeOffGoesOnWhereItWas(t *testing.T) {
	away := errors.New("the database is away")
	books, place := open(t), written(t, many(1700))
	broken := &failing{Ledger: books, refuse: func(page int) error {
		if page == 3 {
			return away
		}
		return nil
	}}
	_, err := batch.Load(t.Context(), loading(place, broken))
	require.ErrorIs(t, err, away)
	was, err := books.Batch(t.Context(), "spring")
	require.NoError(t, err)
	require.Equal(t, upload.BatchLoading, was.State)
	require.Len(t, rowsOf(t, books, "spring"), 1000)

	again := &failing{Ledger: books, refuse: func(int) error { return nil }}
	loaded, err := batch.Load(t.Context(), loading(place, again))
	require.NoError(t, err)
	require.Equal(t, upload.BatchRunning, loaded.Batch.State)
	require.Equal(t, int64(1700), loaded.Batch.Total)
	require.Equal(t, 2, again.pages, "pages that are there are not written once more")
	require.Len(t, rowsOf(t, books, "spring"), 1700)
}

func TestAPathThatNobodyMayReadIsItsRowsFault(t *testing.T) {
	books := open(t)
	l := loading(written(t, "source,to,id\nin/a.jpg,trustana,a\nout/b.jpg,trustana,b\n"), books)
	l.Queue = func(_ context.Context, path string) (string, error) {
		if strings.Contains(path, "/out/") {
			return "", upload.Errorf(upload.KindInvalid, upload.StepClaim, "%s lies outside", path).WithHint("move it")
		}
		return "q", nil
	}
	loaded, err := batch.Load(t.Context(), l)
	var refused *batch.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 1, loaded.Found.Refused)
	require.Equal(t, 3, loaded.Found.Groups()[0].Lines.First())
	require.Contains(t, loaded.Found.Groups()[0].String(), "lies outside (move it)")

	l.SkipInvalid = true
	_, err = batch.Load(t.Context(), l)
	require.NoError(t, err)
	rows := rowsOf(t, books, "spring")
	require.Len(t, rows, 2)
	require.Equal(t, upload.StateWaiting, rows[0].Result.State)
	require.Equal(t, upload.StateFailed, rows[1].Result.State)
	require.Equal(t, upload.KindInvalid, rows[1].Result.Error.Kind)
	require.Equal(t, "batch/spring/b", rows[1].Result.UploadID)

	away := errors.New("the ledger is away")
	l.Queue = func(context.Context, string) (string, error) { return "", away }
	_, err = batch.Load(t.Context(), l)
	require.ErrorIs(t, err, away, "that is no row's fault")
}

func TestTheWayOfARowIsTheOneItIsGoingToTake(t *testing.T) {
	books := open(t)
	l := loading(written(t, `source,to,id,gtin,organization_id
a.jpg,trustana,a,,
a.jpg,closient,b,4006381333931,24WX8VvHKeUCL5Vb3qSGyW
a.mp4,truvideo,c,,
a.jpg,closient,d,4.00638E+12,24WX8VvHKeUCL5Vb3qSGyW
`), books)
	l.SkipInvalid = true
	_, err := batch.Load(t.Context(), l)
	require.NoError(t, err)
	var ways []upload.Way
	for _, row := range rowsOf(t, books, "spring") {
		ways = append(ways, row.Result.Way)
	}
	require.Equal(t, []upload.Way{upload.WayPacked, upload.WayOwn, upload.WayOwn, upload.WayOwn}, ways)
}

func TestAnEditUnderWayIsRefused(t *testing.T) {
	books, place := open(t), written(t, many(3))
	edited := &failing{Ledger: books, refuse: func(int) error { return nil }}
	l := loading(place, edited)
	looks := 0
	l.Queue = func(context.Context, string) (string, error) {
		if looks++; looks == 3 { // the last row of the first reading
			require.NoError(t, os.WriteFile(place.Source+".new", []byte(many(4)), 0o600))
			require.NoError(t, os.Rename(place.Source+".new", place.Source))
		}
		return "", nil
	}
	_, err := batch.Load(t.Context(), l)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.ErrorContains(t, err, "changed")
}

func TestAScheduleTakesOnlyWhatIsNew(t *testing.T) {
	books := open(t)
	folder := t.TempDir()
	for _, name := range []string{"a.jpg", "b.jpg"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(name), 0o600))
	}
	place, err := manifest.Locate(folder, "/")
	require.NoError(t, err)
	night := func(name string) (batch.Loaded, error) {
		l := loading(place, books)
		l.Batch, l.To, l.Fresh, l.SkipInvalid = name, "trustoo", books, true
		return batch.Load(t.Context(), l)
	}
	first, err := night("first")
	require.NoError(t, err)
	require.Equal(t, int64(2), first.Batch.Total)
	for _, row := range rowsOf(t, books, "first") {
		deliver(t, books, row)
	}
	_, err = night("second")
	require.ErrorIs(t, err, batch.ErrNothingNew)
	_, err = books.Batch(t.Context(), "second")
	require.ErrorIs(t, err, ledger.ErrNotFound)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "c.jpg"), []byte("c"), 0o600))
	third, err := night("third")
	require.NoError(t, err)
	require.Equal(t, int64(1), third.Batch.Total)
	require.True(t, strings.HasSuffix(rowsOf(t, books, "third")[0].Result.Source, "c.jpg"))
}

// deliver records a row as ready, with the content that its source has.
func deliver(t *testing.T, books *ledger.Ledger, row ledger.Entry) {
	t.Helper()
	item, err := row.Item()
	require.NoError(t, err)
	info, err := os.Stat(item.Source)
	require.NoError(t, err)
	result, now := row.Result, time.Now().UTC()
	result.State, result.FinishedAt, result.MediaID, result.WorkflowID = upload.StateReady, &now, "m", "shard/x/1"
	require.NoError(t, books.Record(t.Context(), upload.Record{
		Item: item, Result: result, RunID: "run", Fingerprint: upload.FileFingerprint(info.Size(), info.ModTime()),
	}))
}

func TestABatchIsNamedAfterItsManifest(t *testing.T) {
	for want, place := range map[string]manifest.Place{
		"spring":       {Source: "/srv/spring.csv"},
		"new-arrivals": {Source: "/srv/new arrivals!.jsonl"},
		"photos.2026":  {Source: "/srv/photos.2026", Folder: true},
		"rows":         {Source: "https://host.example/a/rows.csv?token=secret"},
		"":             {Source: "/srv/x/manifest", Name: "standard input"},
	} {
		got := batch.NameOf(place)
		require.Equal(t, want, got)
		if got != "" {
			require.NoError(t, upload.CheckBatchID(got))
		}
	}
}

func TestRowsThatGoLastAreKnownFromTheBeginning(t *testing.T) {
	books := open(t)
	place := written(t, "source,to,id,organization_id,gtin,is_primary\n"+
		"https://shop.example/1.jpg,closient,first,3NxmYwJ9zKqBvT7cRfPdHa,4006381333931,true\n"+
		"https://shop.example/2.jpg,closient,second,3NxmYwJ9zKqBvT7cRfPdHa,04006381333931,\n"+
		"https://shop.example/3.jpg,trustana,third,,,\n")
	_, err := batch.Load(t.Context(), loading(place, books))
	require.NoError(t, err)
	rows := rowsOf(t, books, "spring")
	require.Len(t, rows, 3)
	require.NotEmpty(t, rows[0].SerialKey)
	require.Equal(t, rows[0].SerialKey, rows[1].SerialKey)
	require.Empty(t, rows[2].SerialKey)
	shards, err := books.CutShards(t.Context(), "spring", upload.Route{Account: "closient", Vendor: "closient"}, 0, []int{10})
	require.NoError(t, err)
	require.Equal(t, []upload.Shard{{
		Batch: "spring", Route: upload.Route{Account: "closient", Vendor: "closient"}, First: 3, Last: 3, Rows: 1,
	}}, shards, "the primary image is left for later")
}

func TestRowsWhoseSourcesARunWouldRefuseAreRefused(t *testing.T) {
	place := shelf(t, "source,to\nmedia/mug.png,trustoo\nnothere.png,trustoo\nlying.gif,trustoo\nhttp://host.example/a.png,trustoo\n")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(place.Source), "lying.gif"), []byte("\x89PNG\r\n\x1a\n0000IHDR"), 0o600))
	books := open(t)
	l := loading(place, books)
	l.Sources = sources.New(sources.Options{})
	_, err := batch.Load(t.Context(), l)
	var refused *batch.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 3, refused.Found.Refused)

	l.SkipInvalid = true
	loaded, err := batch.Load(t.Context(), l)
	require.NoError(t, err)
	require.Equal(t, 3, loaded.Found.Refused)
	for _, entry := range rowsOf(t, books, loaded.Batch.ID) {
		require.Equal(t, upload.StateWaiting, entry.Result.State, "it fails by itself, and can be retried")
	}

	require.NoError(t, os.RemoveAll(filepath.Join(filepath.Dir(place.Source), "media")))
	l.SkipInvalid = false
	loaded, err = batch.Load(t.Context(), l)
	require.NoError(t, err, "what was sent may be gone when somebody looks at the batch again")
	require.True(t, loaded.Attached)
}

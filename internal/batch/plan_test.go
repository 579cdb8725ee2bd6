package batch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/samples"
	"github.com/mediaferry/mediaferry/internal/sources"
)

// delivered is a ledger of what came before.
type delivered struct {
	find func(rows []ledger.Lookup) (map[string]ledger.Entry, error)
}

func (d delivered) Delivered(_ context.Context, rows []ledger.Lookup) (map[string]ledger.Entry, error) {
	return d.find(rows)
}

// shelf is a manifest beside the sample media.
func shelf(t *testing.T, text string) manifest.Place {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(folder, "media"), samples.Files()))
	path := filepath.Join(folder, "m.csv")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	place, err := manifest.Locate(path, "/")
	require.NoError(t, err)
	return place
}

func planning(t *testing.T, place manifest.Place) batch.Planning {
	t.Helper()
	return batch.Planning{Place: place, Opener: opener(), Catalog: catalog{}, Batch: "spring", Sources: sources.New(sources.Options{}), Temporary: t.TempDir()}
}

func account(t *testing.T, plan *batch.Plan, name string) batch.AccountPlan {
	t.Helper()
	for _, one := range plan.Accounts {
		if one.Account == name {
			return one
		}
	}
	require.Fail(t, "no such account", name)
	return batch.AccountPlan{}
}

func TestAPlanCountsRowsBytesAndCalls(t *testing.T) {
	place := shelf(t, `source,to,gtin,organization_id,entity_id,title
media/mug.png,trustana,,,,
https://host.example/a.jpg,trustana,,,,
media/mug.png,closient,4006381333931,24WX8VvHKeUCL5Vb3qSGyW,,Mug
media/clip.mp4,truvideo,,,,Clip
media/lamp.webp,sitoo,,,S1|SKU|DAMAGED|1,
`)
	p := planning(t, place)
	plan, err := batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, int64(5), plan.Rows)
	require.Equal(t, int64(5), plan.ToSend)
	require.Equal(t, int64(1), plan.UnknownSize)
	require.Len(t, plan.SHA256, 64)

	one := account(t, plan, "trustana")
	require.Equal(t, int64(2), one.Packed)
	require.Equal(t, batch.Calls{Prepare: 2, Transfer: 2, Poll: 2}, one.Calls)
	require.Equal(t, int64(1), one.UnknownSize)
	one = account(t, plan, "closient")
	require.Equal(t, int64(1), one.Own, "a POST that must not be repeated blindly travels alone")
	require.Equal(t, batch.Calls{Prepare: 1, Transfer: 1}, one.Calls)
	one = account(t, plan, "truvideo")
	require.Equal(t, batch.Calls{Prepare: 1, Transfer: 1, Complete: 1, Poll: 1}, one.Calls)
	require.Equal(t, int64(1), account(t, plan, "sitoo").Calls.Poll)

	require.Positive(t, plan.Actions.Least)
	require.GreaterOrEqual(t, plan.Actions.Most, plan.Actions.Least)
	require.NotEmpty(t, plan.Actions.AsOf)
	left, err := os.ReadDir(p.Temporary)
	require.NoError(t, err)
	require.Empty(t, left, "a plan leaves nothing behind")
	raw, err := json.Marshal(plan)
	require.NoError(t, err)
	require.Contains(t, string(raw), `"temporal_actions":{"least":`)
}

func TestTheRateLimitSetsTheLeastTime(t *testing.T) {
	var b strings.Builder
	b.WriteString("source,to\n")
	for i := range 500 {
		fmt.Fprintf(&b, "https://host.example/%d.jpg,trustana\n", i)
	}
	plan, err := batch.Make(t.Context(), planning(t, written(t, b.String())))
	require.NoError(t, err)
	require.InDelta(t, float64(500*2-5)/5, plan.Floor, 0.2, "a prepare and a poll each, five a second, five at once")
	require.Equal(t, plan.Floor, account(t, plan, "trustana").Floor)
}

func TestAPlanNamesRowsThatAreWrongAndSourcesThatAre(t *testing.T) {
	place := shelf(t, "source,to\nmedia/mug.png,trustanna\nmedia/nothere.png,trustana\nempty.png,trustana\nmedia,trustoo\nmedia/lamp.webp,trustana\n")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(place.Source), "empty.png"), nil, 0o600))
	plan, err := batch.Make(t.Context(), planning(t, place))
	require.NoError(t, err)
	require.Equal(t, int64(1), plan.Refused)
	require.Equal(t, 2, plan.Problems.First[0].Line)
	require.Equal(t, int64(3), plan.Unfit)
	for i, want := range []string{"does not exist", "is empty", "is not a file"} {
		require.Equal(t, 3+i, plan.Sources.First[i].Line)
		require.Equal(t, "source", plan.Sources.First[i].Column)
		require.Contains(t, plan.Sources.First[i].Message, want)
		require.NotEmpty(t, plan.Sources.First[i].Hint)
	}
	require.Equal(t, int64(1), plan.ToSend)
}

func TestAPlanOfTwentySortsOfBrokenRowsNamesAll(t *testing.T) {
	broken, err := os.ReadFile("../manifest/testdata/broken.csv")
	require.NoError(t, err)
	plan, err := batch.Make(t.Context(), planning(t, written(t, string(broken))))
	require.NoError(t, err)
	require.Equal(t, int64(200), plan.Refused)
	told := len(plan.Problems.First)
	for _, group := range plan.Problems.Rest {
		told += group.Count
		require.NotEmpty(t, group.Lines.String())
		require.NotEmpty(t, group.Hint)
	}
	require.Equal(t, 200, told)
}

func TestEqualContentsAreFound(t *testing.T) {
	place := shelf(t, "source,to,id\nmedia/mug.png,trustoo,a\ncopy.png,trustoo,b\ncopy.png,trustana,c\nalike.png,trustoo,d\nmedia/mug.png,trustoo,e\nsmall-1.png,trustoo,f\nsmall-2.png,trustoo,g\n")
	folder := filepath.Dir(place.Source)
	content, err := os.ReadFile(filepath.Join(folder, "media", "mug.png"))
	require.NoError(t, err)
	alike := append([]byte{}, content...)
	alike[len(alike)-1] ^= 1 // of the same size, and begins alike
	for name, bytes := range map[string][]byte{"copy.png": content, "alike.png": alike, "small-1.png": []byte("x"), "small-2.png": []byte("x")} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), bytes, 0o600))
	}
	plan, err := batch.Make(t.Context(), planning(t, place))
	require.NoError(t, err)
	d := plan.Duplicates
	require.Equal(t, int64(7), d.Compared)
	require.Equal(t, int64(3), d.Rows)
	require.Equal(t, int64(2*len(content)+1), d.Bytes)
	require.Len(t, d.Examples, 2)
	require.Equal(t, []int{2, 3, 6}, d.Examples[0].Lines)
	require.Equal(t, []int{7, 8}, d.Examples[1].Lines)
}

func TestWhatWasDeliveredBeforeIsNotCounted(t *testing.T) {
	place := shelf(t, "source,to,id\nmedia/mug.png,trustoo,a\nmedia/lamp.webp,trustoo,b\n")
	p := planning(t, place)
	p.Ledger = delivered{find: func(rows []ledger.Lookup) (map[string]ledger.Entry, error) {
		require.Contains(t, rows[0].Fingerprint, "bytes, modified")
		return map[string]ledger.Entry{rows[0].Item.UploadID: {}}, nil
	}}
	plan, err := batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, int64(1), plan.Known)
	require.Equal(t, int64(1), plan.ToSend)
	require.Equal(t, batch.Calls{Prepare: 1, Transfer: 1}, plan.Accounts[0].Calls)

	p.Again = true
	plan, err = batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, int64(2), plan.ToSend)
}

func TestASampleOpensSourcesForReal(t *testing.T) {
	place := shelf(t, "source,to\nmedia/mug.png,trustoo\nmedia/lamp.webp,trustoo\nlying.gif,trustoo\n")
	folder := filepath.Dir(place.Source)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "lying.gif"), []byte("\x89PNG\r\n\x1a\n0000IHDR"), 0o600))
	p := planning(t, place)
	p.Sample = 10
	plan, err := batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, 3, plan.Sample.Looked)
	require.Equal(t, 2, plan.Sample.Good)
	require.Len(t, plan.Sample.Bad, 1)
	require.Equal(t, 4, plan.Sample.Bad[0].Line)
	require.Positive(t, plan.Sample.MeanBytes)

	p.Sample = 1
	plan, err = batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, 1, plan.Sample.Looked)
}

func TestASampleHoldsTheNameThatARowAsksForAgainstTheBytes(t *testing.T) {
	p := planning(t, shelf(t, "source,to,fileName\nmedia/mug.png,trustoo,cup.jpg\nmedia/mug.png,trustoo,cup.png\nmedia/mug.png,trustoo,cup\n"))
	p.Sample = 10
	plan, err := batch.Make(t.Context(), p)
	require.NoError(t, err)
	var bad []string
	for _, one := range plan.Sample.Bad {
		bad = append(bad, fmt.Sprintf("line %d: %s", one.Line, one.Message))
	}
	require.Equal(t, []string{`line 2: the file is image/png, but its name "cup.jpg" means image/jpeg`}, bad)
}

func TestPricesAreThoseOfTheTable(t *testing.T) {
	prices := batch.ListPrices()
	require.InDelta(t, 50, prices.Of(1_000_000), 0.001)
	require.InDelta(t, 5*50+45, prices.Of(6_000_000), 0.001)
	require.InDelta(t, 5*50+5*45+10*40+30*35+50*30+10*25, prices.Of(110_000_000), 0.001)
	require.Zero(t, prices.Of(0))
}

func TestAPlanEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := batch.Make(ctx, planning(t, shelf(t, "source,to\nmedia/mug.png,trustoo\n")))
	require.ErrorIs(t, err, context.Canceled)
}

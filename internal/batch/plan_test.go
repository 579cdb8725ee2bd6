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
	return batch.Planning{Place: place, Opener: opener(), Catalog: catalog{}, Batch: "spring", Sources: sources.New(sources.Options{}), Sampling: batch.SampleHeads(), Temporary: t.TempDir()}
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
	require.Equal(t, int64(4), plan.Refused)
	groups := plan.Found.Groups()
	require.Len(t, groups, 4)
	for i, want := range []string{"unknown account", "does not exist", "is empty", "is a folder, not a file"} {
		require.Equal(t, 2+i, groups[i].Lines.First())
		require.Contains(t, groups[i].Message, want)
		require.NotEmpty(t, groups[i].Hint, want)
	}
	require.Equal(t, "source", groups[1].Column)
	require.Equal(t, int64(1), plan.ToSend)
}

func TestAPlanOfTwentySortsOfBrokenRowsNamesAll(t *testing.T) {
	broken, err := os.ReadFile("../manifest/testdata/broken.csv")
	require.NoError(t, err)
	p := planning(t, written(t, string(broken)))
	p.Sources = nil // there are no files beside it
	plan, err := batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, int64(200), plan.Refused)
	told := 0
	for _, group := range plan.Found.Groups() {
		told += group.Count
		require.NotEmpty(t, group.Lines.First())
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

func TestTheFirstBytesOfFilesAreLookedAt(t *testing.T) {
	place := shelf(t, "source,to\nmedia/mug.png,trustoo\nmedia/lamp.webp,trustoo\nlying.gif,trustoo\n")
	folder := filepath.Dir(place.Source)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "lying.gif"), []byte("\x89PNG\r\n\x1a\n0000IHDR"), 0o600))
	p := planning(t, place)
	var each []manifest.Problem
	p.Each = func(one manifest.Problem) error { each = append(each, one); return nil }
	plan, err := batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, int64(3), plan.Sample.Looked)
	require.Equal(t, int64(2), plan.Sample.Good)
	require.Positive(t, plan.Sample.MeanBytes)
	require.Equal(t, int64(1), plan.Refused)
	require.Equal(t, int64(2), plan.ToSend)
	require.Equal(t, int64(2), account(t, plan, "trustoo").Packed)
	require.Equal(t, batch.Calls{Prepare: 2, Transfer: 2}, account(t, plan, "trustoo").Calls)
	require.Equal(t, 4, plan.Found.Groups()[0].Lines.First())
	require.Len(t, each, 1)
	require.Equal(t, "lying.gif", each[0].Value)

	p.Sampling = batch.SampleOf(1)
	plan, err = batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, int64(1), plan.Sample.Looked)
	p.Sampling = batch.SampleAll()
	plan, err = batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, int64(1), plan.Refused)
	p.Sampling = batch.SampleOf(0)
	plan, err = batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Nil(t, plan.Sample)
	require.Equal(t, int64(3), plan.ToSend)
}

func TestOfManyFilesSomeAreOpenedAllOverTheManifest(t *testing.T) {
	var text strings.Builder
	text.WriteString("source,to,id\n")
	for i := range 400 {
		fmt.Fprintf(&text, "lying.gif,trustoo,%d\n", i)
	}
	place := shelf(t, text.String())
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(place.Source), "lying.gif"), []byte("\x89PNG\r\n\x1a\n0000IHDR"), 0o600))
	p := planning(t, place)
	p.Sampling = batch.Sampling{Most: 100, Spread: 40}
	plan, err := batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, int64(40), plan.Refused)
	parts := map[int]int{}
	for _, line := range plan.Found.Groups()[0].Lines.Numbers(40) {
		parts[line/101]++
	}
	for quarter := range 4 {
		require.Greater(t, parts[quarter], 3, "quarter %d of the manifest", quarter)
	}
}

func TestTheNameThatARowAsksForIsHeldAgainstTheBytes(t *testing.T) {
	p := planning(t, shelf(t, "source,to,fileName\nmedia/mug.png,trustoo,cup.jpg\nmedia/mug.png,trustoo,cup.png\nmedia/mug.png,trustoo,cup\nmedia/mug.png,trustana,cup\nhttps://host.example/a.jpg,trustana,cup\n"))
	plan, err := batch.Make(t.Context(), p)
	require.NoError(t, err)
	var bad []string
	for _, one := range plan.Found.Groups() {
		bad = append(bad, one.String())
	}
	require.Equal(t, []string{
		`line 2: fileName: the file is image/png, but its name "cup.jpg" means image/jpeg (set fileName to cup.png)`,
		`fileName: the name "cup" must end in an image extension; 2 rows: 5, 6`,
	}, bad)
}

func TestURLsThatTheRunRefusesAreRefused(t *testing.T) {
	p := planning(t, written(t, "source,to\nhttp://host.example/a.jpg,trustana\nhttps://10.0.0.5/a.jpg,trustana\nhttps://localhost/a.jpg,trustana\nhttps://host.example/a.jpg,trustana\n"))
	plan, err := batch.Make(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, int64(3), plan.Refused)
	require.Equal(t, int64(1), plan.ToSend)
	for _, g := range plan.Found.Groups() {
		require.Contains(t, g.Hint, "sources.allow_private_networks", g)
	}
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

func TestAManifestWithoutItsFilesIsRefusedRowByRow(t *testing.T) {
	var text strings.Builder
	text.WriteString("source,to\n")
	for i := range 1200 {
		fmt.Fprintf(&text, "elsewhere/%d.png,trustana\n", i)
	}
	plan, err := batch.Make(t.Context(), planning(t, shelf(t, text.String())))
	require.NoError(t, err)
	require.Equal(t, int64(1200), plan.Refused)
	groups := plan.Found.Groups()
	require.Len(t, groups, 1, "one cause, whether others were looked for or not")
	require.Equal(t, 1200, groups[0].Count)
}

func TestOfARowWhoseSourceIsWrongItselfNoFileIsLookedFor(t *testing.T) {
	plan, err := batch.Make(t.Context(), planning(t, shelf(t, "source,to,base\nmedia/mug.png,trustana,#N/A\n")))
	require.NoError(t, err)
	groups := plan.Found.Groups()
	require.Len(t, groups, 1)
	require.Equal(t, "base", groups[0].Column)
}

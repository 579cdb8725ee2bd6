package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// mirror copies the place's media to another folder, as a share that a second host has
// mounted elsewhere: the same files with the same times.
func (p *place) mirror(name string) string {
	p.t.Helper()
	to := filepath.Join(p.dir, name)
	require.NoError(p.t, os.CopyFS(to, os.DirFS(p.media)))
	require.NoError(p.t, filepath.Walk(p.media, func(path string, info os.FileInfo, err error) error {
		require.NoError(p.t, err)
		relative, err := filepath.Rel(p.media, path)
		require.NoError(p.t, err)
		return os.Chtimes(filepath.Join(to, relative), info.ModTime(), info.ModTime())
	}))
	return to
}

func TestASharedRootIsReadByEveryWorkerThatNamesIt(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := fleet{place: p, box: p.box()}
	_, f.service = p.up("--no-worker")
	f.join(ledgertest.Postgres(t), newKey(t))
	film := f.film("film.mp4", 60<<20)
	manifest := f.file("shop.csv")
	writeTable(t, manifest, [][]string{columns(), rowOf("trustoo", "mug", "mug.png"), rowOf("truvideo", "film", "film.mp4")})

	// Each host has mounted the share elsewhere, and no worker runs on the host of the command.
	rooted := func(path string) (file string) {
		file = filepath.Join(f.dir, filepath.Base(path)+".yaml")
		raw, err := os.ReadFile(filepath.Join(f.dir, "mediaferry.yaml"))
		require.NoError(t, err)
		local, shared := fmt.Sprintf("local_roots: [%q]", f.media), fmt.Sprintf("local_roots: [], shared_roots: {catalogue: %q}", path)
		require.Contains(t, string(raw), local)
		require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(raw), local, shared, 1)), 0o600))
		return file
	}
	one, two := rooted(f.mirror("pod-1")), rooted(f.mirror("pod-2"))
	f.env = append(f.env, "MEDIAFERRY_CONFIG="+rooted(f.media))
	first := f.worker("--host", "pod-1", "--config", one)

	_, plan, _ := f.run("batch", "plan", "--json", manifest)
	var last struct {
		Readers []struct {
			SharedRoot string   `json:"shared_root"`
			Root       string   `json:"root"`
			Rows       int      `json:"rows"`
			Workers    []string `json:"workers"`
		} `json:"readers"`
	}
	lines := strings.Split(strings.TrimSpace(plan), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	require.Len(t, last.Readers, 1)
	require.Equal(t, "catalogue", last.Readers[0].SharedRoot)
	require.Equal(t, f.media, last.Readers[0].Root)
	require.Equal(t, 2, last.Readers[0].Rows)
	require.Equal(t, []string{"pod-1"}, last.Readers[0].Workers)

	f.box.faults("truvideo.part#3+=slow=10m")
	f.do("batch", "start", "--id", "shop", manifest)
	who := stranger(t, f.service)
	until(t, "two parts are acknowledged", func() bool {
		return completed(history(t, who, "batch/shop/film"), upload.ActivitySendPart) == 2
	})
	parts := f.box.acknowledged()
	status, _, stderr := f.run("move", "batch/shop/film", "--host", "pod-2")
	require.Equal(t, 2, status)
	require.Contains(t, stderr, "does not need to be moved: every worker that has the shared root catalogue can read its source")
	first.kill()

	// The worker of another host goes on, at its own mount.
	f.worker("--host", "pod-2", "--config", two)
	f.box.faults()
	r := f.ready("batch/shop/film")
	require.EqualValues(t, sum(t, film), r.SHA256)
	require.Equal(t, film, r.Source, "the path of the host that made the batch")
	sentOnce(t, f.box.medium("truvideo", film), parts)
	f.ready("batch/shop/mug")
	f.box.content()
}

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// backup copies what Temporal keeps, and nothing of the ledger. No engine may run.
func (p *place) backup() (folder string) {
	p.t.Helper()
	folder = p.t.TempDir()
	p.copyTemporal(filepath.Join(p.data, "engine"), folder)
	return folder
}

// restore puts a backup in the place of what Temporal keeps. No engine may run.
func (p *place) restore(backup string) {
	p.t.Helper()
	for _, file := range temporalFiles(p.t, filepath.Join(p.data, "engine")) {
		require.NoError(p.t, os.Remove(file))
	}
	p.copyTemporal(backup, filepath.Join(p.data, "engine"))
}

func (p *place) copyTemporal(from, to string) {
	p.t.Helper()
	files := temporalFiles(p.t, from)
	require.NotEmpty(p.t, files)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(p.t, err)
		require.NoError(p.t, os.WriteFile(filepath.Join(to, filepath.Base(file)), raw, 0o600))
	}
}

// temporalFiles are Temporal's databases in a folder, with their write-ahead logs.
func temporalFiles(t *testing.T, folder string) (files []string) {
	t.Helper()
	for _, name := range []string{"temporal.db*", "visibility.db*"} {
		found, err := filepath.Glob(filepath.Join(folder, name))
		require.NoError(t, err)
		files = append(files, found...)
	}
	return files
}

// stop kills `up` and its engine.
func (p *place) stop(up *process) {
	p.t.Helper()
	up.kill()
	p.noEngineIsLeft()
}

// TestATemporalOlderThanTheLedgerSendsNothingAgain takes a backup of Temporal while
// uploads run, and restores it twice: when the ledger is some steps ahead, and when it
// has their ends.
func TestATemporalOlderThanTheLedgerSendsNothingAgain(t *testing.T) {
	t.Parallel()
	moments := map[string][]string{"while bytes were sent": {"trustana.put", "trustoo.post", "sitoo.post", "closient.post", "truvideo.part"}}
	if everyTask {
		maps.Copy(moments, map[string][]string{
			"while sessions were opened":   {"trustana.prepare", "trustoo.policy", "sitoo.upload-url", "closient.list", "truvideo.start"},
			"while it was being completed": {"truvideo.complete"},
			"while processing was watched": {"trustana.status", "sitoo.get", "truvideo.status"},
		})
	}
	for name, calls := range moments {
		t.Run("from "+name, func(t *testing.T) { restoredFrom(t, calls) })
	}
}

func restoredFrom(t *testing.T, calls []string) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	up, _ := p.up()
	box.hold(calls)
	all := p.beginAt(calls)
	box.hits(1)
	p.stop(up)
	backup := p.backup()

	ahead := map[string]string{"trustana": "trustana.status=status=503", "sitoo": "sitoo.get=status=503", "truvideo": "truvideo.status=status=503"}
	maps.DeleteFunc(ahead, func(vendor, _ string) bool { return all[vendor] == "" })
	box.faults(slices.Collect(maps.Values(ahead))...)
	up, _ = p.up()
	box.hits(1)
	p.stop(up)
	p.restore(backup)

	box.faults()
	up, _ = p.up()
	for vendor, source := range all {
		once(t, box, vendor, source, p.ready("upload/"+vendor+"/one"))
	}
	p.stop(up)
	p.restore(backup)

	_, at := p.up()
	c := stranger(t, at)
	for vendor, source := range all {
		id := "upload/" + vendor + "/one"
		before := p.ready(id)
		require.NoError(t, over(t, c, id, runOf(t, c, id)), id)
		require.Equal(t, before, p.ready(id))
		once(t, box, vendor, source, before)
	}
	box.content()
}

// TestATemporalOlderThanABatchSendsNothingAgain is the same for rows in shards.
func TestATemporalOlderThanABatchSendsNothingAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	p.quick(box, "300ms", "")
	up, _ := p.up()
	c := p.mixed()
	box.holdBytes()
	p.do(starting(c)...)
	box.hits(few)
	p.stop(up)
	backup := p.backup()

	box.faults("trustana.status=slow=10m", "sitoo.get=slow=10m")
	up, _ = p.up()
	until(t, "all bytes are sent", func() bool {
		seen := box.all()
		return sentTo(seen, "trustana", "put") == 60 && sentTo(seen, "sitoo", "post") == 40
	})
	p.stop(up)
	p.restore(backup)

	box.faults()
	up, _ = p.up()
	p.do("batch", "watch", "spring")
	before := p.report("spring")
	c.delivered(t, box, before)
	p.stop(up)
	p.restore(backup)

	_, at := p.up()
	who := stranger(t, at)
	for _, run := range batchRuns(t, who, "spring") {
		require.NoError(t, over(t, who, run[0], run[1]), run[0])
	}
	require.Equal(t, before, p.report("spring"))
	c.delivered(t, box, before)
	box.content()
}

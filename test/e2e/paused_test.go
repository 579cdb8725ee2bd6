//go:build kills

package e2e

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// pausedCalls are the calls that may leave a duplicate when they are made twice.
func pausedCalls() []string {
	return []string{"trustana.put", "sitoo.post", "closient.post", "truvideo.complete"}
}

// TestWorkersThatWakeAfterATakeoverLeaveNoDuplicate stops a worker in the middle of each
// call that may leave a duplicate, has another take over and end the uploads, and lets
// the first go on.
func TestWorkersThatWakeAfterATakeoverLeaveNoDuplicate(t *testing.T) {
	t.Run("which have not heard the answer", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		r.box.hold(pausedCalls())
		r.startWorker()
		all := r.beginAt(pausedCalls())
		r.box.hits(1)
		r.takenOver(all, func() {})
	})
	t.Run("which have sent a part of the bytes", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		r.box.faults("trustana.put=slow", "sitoo.post=slow", "closient.post=slow") // not slower: counted when they begin
		r.startWorker("--bwlimit", "50Ki")
		const size = 6_000_000
		all := map[string]string{}
		for _, vendor := range []string{"trustana", "sitoo", "closient"} {
			all[vendor] = r.file(vendor + ".jpg")
			require.NoError(t, os.WriteFile(all[vendor], picture(t, vendor, size), 0o600))
			r.do(sending(vendor, "one", all[vendor], "--detach")...)
		}
		r.box.hits(1)
		require.Zero(t, r.sent(size), "each is under way")
		r.takenOver(all, func() {})
		require.Equal(t, len(all), r.sent(size), "the first worker sends no more")
	})
	t.Run("whose requests arrive while the other looks", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		r.startWorker()
		var all map[string]string
		release := r.vendor.keep(t, `^PUT /trustana-media|^POST /sitoo-media|^POST \S+/(images|complete) `, 4, func() { all = r.beginAt(pausedCalls()) })
		looked := r.box.requests("closient", "list")
		r.takenOver(all, func() {
			r.wait("the other worker looks for the image", func() bool { return r.box.requests("closient", "list") > looked })
			release()
		})
		require.Equal(t, 1, r.box.requests("closient", "post"), "what arrives is adopted")
	})
	t.Run("with rows of a batch", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		r.box.hold([]string{"trustana.put", "trustoo.post", "sitoo.post"})
		r.startWorker()
		c := r.catalogue("spring", killedImage, share{"trustana", few}, share{"trustoo", few}, share{"sitoo", few})
		r.do("batch", "start", c.manifest)
		r.box.hits(few)
		r.stopped(func() {
			r.box.faults()
			r.fleet.worker()
			r.do("batch", "watch", "spring")
		})
		c.delivered(t, r.box, r.report("spring"))
		r.box.content()
	})
}

// takenOver stops the rig's worker, has another end uploads, and wakes the first one.
func (r *rig) takenOver(all map[string]string, meanwhile func()) {
	r.t.Helper()
	r.stopped(func() {
		r.box.faults()
		r.fleet.worker()
		meanwhile()
		for vendor := range all {
			r.finish("upload/" + vendor + "/one")
		}
	})
	for vendor, source := range all {
		once(r.t, r.box, vendor, source, r.ready("upload/"+vendor+"/one"))
	}
	r.box.content()
}

// sent counts the requests whose bodies arrived in whole, of at least a size.
func (r *rig) sent(size int64) (n int) {
	r.t.Helper()
	for _, q := range r.box.all() {
		if q.BytesIn >= size {
			n++
		}
	}
	return n
}

// stopped stops the rig's worker while something happens, wakes it, and has it end: by
// then all that it was doing is over.
func (r *rig) stopped(meanwhile func()) {
	r.t.Helper()
	worker := r.worker.cmd.Process
	require.NoError(r.t, worker.Signal(syscall.SIGSTOP))
	r.t.Cleanup(func() { _ = worker.Signal(syscall.SIGCONT) }) // or it does not end
	meanwhile()
	require.NoError(r.t, worker.Signal(syscall.SIGCONT))
	r.worker.interrupt()
	status, _ := r.worker.end()
	require.Zero(r.t, status, r.worker.stderr)
}

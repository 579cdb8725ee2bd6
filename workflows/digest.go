package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// summing is the reading through of a whole source, for the checksums that did
// not come with its transfer.
type summing struct {
	giveUp workflow.CancelFunc
	done   bool
	sums   upload.Digest
	err    error
}

// startDigest begins to read the source through, while the vendor processes: it
// costs no time then. A second session of the same upload needs no second pass.
func (r *run) startDigest(ctx workflow.Context) {
	if r.sums != nil || !r.lacksSums() {
		return
	}
	ctx, cancel := workflow.WithCancel(ctx)
	s := &summing{giveUp: cancel}
	r.sums = s // until it is dropped, which its coroutine may outlive
	workflow.GoNamed(ctx, "digest", func(ctx workflow.Context) {
		defer func() { s.done = true }()
		for {
			if s.err = r.gate(ctx, true); s.err != nil {
				return
			}
			s.err = r.reads(ctx, false, func(ctx workflow.Context) error { return r.sum(ctx, s) })
			if !givenUp(ctx, s.err) {
				return
			}
		}
	})
}

func (r *run) sum(ctx workflow.Context, into *summing) error {
	options := r.reading("compute the checksums of the whole source")
	options.ScheduleToStartTimeout = digestWait
	ctx = workflow.WithActivityOptions(ctx, options)
	return workflow.ExecuteActivity(ctx, upload.ActivityDigest, r.item, r.p.Content).Get(ctx, &into.sums)
}

// lacksSums reports whether a checksum is missing that the result is to have.
func (r *run) lacksSums() bool {
	local := r.item.Queue != ""
	return r.result.CRC64 == "" || r.result.SHA256 == "" && local
}

// dropSums gives the checksums up, of an upload that came to nothing.
func (r *run) dropSums() {
	if r.sums != nil {
		r.sums.giveUp()
		r.sums = nil
	}
}

// digest waits for the checksums of the whole source, where they did not come
// with its transfer, and holds them against those of the parts.
func (r *run) digest(ctx workflow.Context) error {
	if !r.lacksSums() {
		r.dropSums()
		return nil
	}
	r.startDigest(ctx)
	r.await(ctx, "the checksums of the whole source; the upload is otherwise complete")
	err := workflow.Await(ctx, func() bool { return r.sums.done })
	r.await(ctx, "")
	if err == nil {
		err = r.sums.err
	}
	e, _ := failureOf(err)
	switch {
	case e != nil && isQueued(e):
		r.note("the file has no overall checksum: no worker " + upload.Readers(r.item.Queue) + " was available")
		return nil
	case e != nil: // the medium is there; only its proof is not
		r.note("the file has no overall checksum: " + e.Message)
		return nil
	case err != nil:
		return err
	}
	sums := r.sums.sums
	if sent := string(r.result.CRC64); sent != "" && sent != sums.CRC64 {
		return upload.Errorf(upload.KindCorrupt, upload.StepTransfer, "the bytes that were sent have CRC-64 %s, but the source has %s", sent, sums.CRC64).
			WithHint("the source changed during the upload; the vendor's file mixes two versions")
	}
	r.result.SHA256, r.result.CRC64 = upload.Text(sums.SHA256), upload.Text(sums.CRC64)
	r.result.SourceSHA256 = r.p.Content.SourceSHA256(r.result.SHA256)
	return nil
}

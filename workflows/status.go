package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// tell answers the query for the status.
func (r *run) tell() (upload.Status, error) {
	status := r.status
	status.Result, status.Paused, status.InFlight = r.result, r.steering.paused, r.steering.flying()
	for _, one := range r.repetitionsSoFar() {
		if status.Retries == nil {
			status.Retries = map[string]int{}
		}
		status.Retries[one.cause] = one.times
	}
	return status, nil
}

// enter notes that the upload is in a state.
func (r *run) enter(ctx workflow.Context, state upload.State) {
	r.result.State = state
	r.show(ctx)
	if state == upload.StateTransferring {
		r.list(ctx)
	}
}

// await notes what the upload waits for, in words; "" when it goes on.
func (r *run) await(ctx workflow.Context, what string) {
	r.status.Waiting = what
	r.show(ctx)
}

// retried counts repetitions by their cause.
func (r *run) retried(cause string, n int) {
	if n == 0 || cause == "" {
		return
	}
	for i := range r.repeated {
		if r.repeated[i].cause == cause {
			r.repeated[i].times += n
			return
		}
	}
	r.repeated = append(r.repeated, repetition{cause, n})
}

// repetition is how often something was repeated for one cause.
type repetition struct {
	cause string
	times int
}

// show writes the state in words where Temporal's UI shows it.
func (r *run) show(ctx workflow.Context) {
	words := []string{fmt.Sprintf("**%s**: %s to %s", r.result.State, r.result.Source, r.item.Account)}
	if r.steering.paused {
		words = append(words, "paused; to continue, send the signal `"+upload.SignalResume+"`")
	}
	if r.status.Parts > 1 {
		words = append(words, r.progress())
	}
	if r.status.Waiting != "" {
		words = append(words, "waiting for "+r.status.Waiting)
	}
	if repeated := r.repetitionsSoFar(); len(repeated) > 0 {
		words = append(words, "repeated: "+repetitions(repeated))
	}
	if r.result.MediaID != "" {
		words = append(words, "media "+string(r.result.MediaID))
	}
	if e := r.result.Error; e != nil {
		words = append(words, fmt.Sprintf("%s at %s: %s", e.Kind, e.Step, e.Message))
	}
	workflow.SetCurrentDetails(ctx, strings.Join(words, "\n\n"))
}

// progress says how far a multipart session is.
func (r *run) progress() string {
	s := r.status
	text := fmt.Sprintf("%d of %d parts of %d bytes", s.PartsDone, s.Parts, s.PartSize)
	if s.Speed > 0 {
		text += fmt.Sprintf(", %.1f MB/s, %s left", s.Speed/1e6, inWords(time.Duration(s.LeftSeconds*float64(time.Second))))
	}
	if s.Width > 0 {
		text += fmt.Sprintf(", up to %d at once", s.Width)
	}
	if !s.ExpiresAt.IsZero() {
		text += ", URLs valid until " + s.ExpiresAt.UTC().Format(time.TimeOnly) + " UTC"
	}
	return text
}

// repetitionsSoFar is what was repeated of parts and of whole steps, by cause.
func (r *run) repetitionsSoFar() []repetition {
	all := slices.Clone(r.repeated)
	for _, cause := range workflow.DeterministicKeys(r.p.Repeated) {
		i := slices.IndexFunc(all, func(one repetition) bool { return one.cause == cause })
		if i < 0 {
			all = append(all, repetition{cause, 0})
			i = len(all) - 1
		}
		all[i].times += r.p.Repeated[cause]
	}
	return all
}

// repetitions lists what was repeated, and how often.
func repetitions(all []repetition) string {
	causes := make([]string, len(all))
	for i, one := range all {
		causes[i] = fmt.Sprintf("%s %d", one.cause, one.times)
	}
	return strings.Join(causes, ", ")
}

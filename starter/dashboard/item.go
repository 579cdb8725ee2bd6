package dashboard

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/front"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/history"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
	"github.com/mediaferry/mediaferry/starter/views"
)

// uploads asks workflows about uploads.
func (v *visit) uploads() following.Uploads {
	return following.NewUploads(v.Session, opening.NewWorkers(v.Session))
}

// itemBody is all that is shown of one upload. Its JSON is that of `show`, and more.
type itemBody struct {
	output.Line
	Status   *upload.Status `json:"status,omitempty"`
	Runs     int            `json:"runs"`
	Updated  upload.Moment  `json:"updated_at"`
	Session  *sessionFacts  `json:"session"`
	Parts    []partCell     `json:"-"`
	PartsHad []int          `json:"parts_acknowledged,omitempty"`
	Fields   []fieldCell    `json:"-"`
	Steps    []stepLine     `json:"steps"`
	NoSteps  string         `json:"-"` // why there are none
	Events   []event        `json:"events"`
	Workflow string         `json:"workflow"` // its page in Temporal's web UI; "" for none
	Grouped  bool           `json:"-"`
	Picture  bool           `json:"-"` // there may be one of what was sent
	Advice   string         `json:"-"`
}

// sessionFacts are what is known of the session at the vendor.
type sessionFacts struct {
	ID        upload.Text   `json:"id"`
	OpenedAt  upload.Moment `json:"opened_at"`
	ExpiresAt upload.Moment `json:"expires_at"`
	SentAt    upload.Moment `json:"sent_at"`
	Said      upload.Text   `json:"vendor_said"`
	Before    []string      `json:"before,omitempty"` // media that the vendor listed before
}

type partCell struct {
	Number int
	Done   bool
}

type fieldCell struct{ Name, Value string }

// stepLine is a line of the story.
type stepLine struct {
	At   string `json:"at"`
	What string `json:"what"`
}

func itemView(v *visit) (view, error) {
	id := idOf(v.r)
	entry, err := v.Upload(v.ctx(), id)
	var unknown *exit.UsageError
	if errors.As(err, &unknown) && v.Temporal != nil {
		if begun, found := v.uploads().Unclaimed(v.ctx(), id); found {
			entry, err = begun, nil
		}
	}
	if err != nil {
		return view{}, err
	}
	body, err := itemOf(v, entry)
	if err != nil {
		return view{}, err
	}
	return view{Title: entry.Result.UploadID, Menu: "items", Template: "item", Body: body}, nil
}

func itemOf(v *visit, entry ledger.Entry) (itemBody, error) {
	u := v.uploads()
	status, err := u.Running(v.ctx(), entry, v.Temporal != nil)
	if err != nil {
		return itemBody{}, err
	}
	known, err := v.waits()
	if err != nil {
		return itemBody{}, err
	}
	waiting, err := known.Of(v.ctx(), entry)
	if err != nil {
		return itemBody{}, err
	}
	grouped := following.Grouped(entry)
	open := !entry.Result.State.Ended()
	if open && !grouped && entry.WorkflowID != "" && v.Temporal != nil && (waiting == nil || entry.Result.State == upload.StateWaiting) {
		if pending := u.Pending(v.ctx(), entry.WorkflowID, entry.RunID); pending != nil {
			waiting = pending
		}
	}
	result := following.Newest(entry.Result, status)
	if account := known.Account(result.To); account.Paused && !result.State.Ended() {
		result = following.OnHold(result, account, entry.Waiting)
	}
	b := itemBody{
		Line: output.Line{Result: output.Advised(result), Waiting: waiting}, Status: status, Runs: entry.Runs, Updated: upload.Moment{Time: entry.UpdatedAt},
		Grouped: grouped, Picture: report.Pictured(entry), Workflow: v.workflow(entry.Run),
	}
	if waiting != nil {
		b.Advice = views.Advice(*waiting, result.To)
	}
	if err := b.fill(v, entry); err != nil {
		return b, err
	}
	b.story(v, entry)
	return b, nil
}

// workflow is the page of a run in Temporal's web UI.
func (v *visit) workflow(run ledger.Run) string {
	if v.page.o.NoTemporal || run.WorkflowID == "" || run.Service.Namespace == "" {
		return ""
	}
	path := front.TemporalPath + "/namespaces/" + url.PathEscape(run.Service.Namespace) + "/workflows/" + url.PathEscape(run.WorkflowID)
	if run.RunID == "" {
		return path
	}
	return path + "/" + url.PathEscape(run.RunID) + "/history"
}

// fill adds what the ledger has beside the result.
func (b *itemBody) fill(v *visit, entry ledger.Entry) error {
	id := entry.Result.UploadID
	events, err := v.Ledger.ItemEvents(v.ctx(), id)
	if err != nil {
		return err
	}
	b.Events = []event{}
	for _, e := range slices.Backward(events) {
		b.Events = append(b.Events, event{upload.Moment{Time: e.At}, e.What, e.By, upload.Text(e.Because), upload.Text(e.Detail)})
	}
	if item, err := entry.Item(); err == nil { // without its key, the rest is shown
		b.Fields = fieldCells(item)
	}
	if row, err := v.Ledger.ReadProgress(v.ctx(), id); err == nil && row.Progress != nil {
		b.Session = factsOf(row.Progress)
	}
	if b.PartsHad, err = v.Ledger.PartNumbers(v.ctx(), id); err != nil {
		return err
	}
	b.Parts = partCells(b.Status, b.PartsHad)
	return nil
}

func fieldCells(item upload.Item) []fieldCell {
	var cells []fieldCell
	for _, name := range slices.Sorted(mapsKeys(item.Fields)) {
		cells = append(cells, fieldCell{name, fieldText(item.Fields[name])})
	}
	return cells
}

func factsOf(p *upload.Progress) *sessionFacts {
	if p.Session.ID == "" && p.Session.OpenedAt.IsZero() && p.Media.Seen == "" && p.SentAt.IsZero() {
		return nil
	}
	return &sessionFacts{
		ID: upload.Text(p.Session.ID), OpenedAt: upload.Moment{Time: p.Session.OpenedAt}, ExpiresAt: upload.Moment{Time: p.Session.ExpiresAt},
		SentAt: upload.Moment{Time: p.SentAt}, Said: upload.Text(upload.Plain(p.Media.Seen)), Before: p.Session.Before,
	}
}

// mostCells is how many parts are drawn one by one.
const mostCells = 1000

// partCells are the parts of an upload that runs.
func partCells(s *upload.Status, had []int) []partCell {
	if s == nil || s.Parts <= 1 || s.Parts > mostCells {
		return nil
	}
	cells := make([]partCell, s.Parts)
	for i := range cells {
		cells[i] = partCell{i + 1, slices.Contains(had, i+1)}
	}
	return cells
}

// storyTime bounds the reading of a history.
const storyTime = 3 * time.Second

// mostSteps is how many lines of a story are shown: its beginning and its end.
const mostSteps = 200

// story adds what happened, as long as Temporal keeps it.
func (b *itemBody) story(v *visit, entry ledger.Entry) {
	b.Steps = []stepLine{}
	switch {
	case entry.WorkflowID == "":
		b.NoSteps = "No run has begun with it."
		return
	case v.Temporal == nil:
		b.NoSteps = "Temporal cannot be asked now; this is what the ledger knows."
		return
	}
	ctx, cancel := context.WithTimeout(v.ctx(), storyTime)
	defer cancel()
	run := history.Run{WorkflowID: entry.WorkflowID, RunID: entry.RunID, Done: "ready"}
	if b.Grouped {
		run.Done = "its shard ended"
	}
	lines, err := history.Reader{Temporal: v.Session.Temporal, Keys: v.Keys}.Read(ctx, run)
	switch {
	case errors.Is(err, history.ErrNotKept):
		b.NoSteps = "Temporal does not keep the history of this run any more."
	case err != nil:
		b.NoSteps = "Temporal did not answer in time; this is what the ledger knows."
	}
	for i, line := range lines {
		if len(lines) > mostSteps && i >= mostSteps/2 && i < len(lines)-mostSteps/2 {
			continue
		}
		b.Steps = append(b.Steps, stepLine{line[0], line[1]})
	}
}

// BatchID is the batch to which it belongs.
func (b itemBody) BatchID() string { return string(b.Batch) }

// StartedText reports whether it has begun.
func (b itemBody) StartedText() bool { return !b.StartedAt.IsZero() }

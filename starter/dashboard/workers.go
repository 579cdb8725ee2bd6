package dashboard

import (
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

// workerCard is a worker as the ledger knows it.
type workerCard struct {
	ID        string            `json:"id"`
	Host      string            `json:"host"`
	PID       int               `json:"pid"`
	Version   string            `json:"version"`
	Differs   bool              `json:"version_differs"` // from that of this program
	Schema    int64             `json:"ledger_schema"`   // that it knows; 0: it does not say
	Older     bool              `json:"older"`           // than the ledger's schema
	Slots     int               `json:"uploads_at_once"`
	Shards    int               `json:"shards_at_once"`
	Bandwidth int64             `json:"bandwidth"` // bytes per second; 0: no limit
	Outdated  bool              `json:"outdated"`  // so old that it takes no more work
	Alive     bool              `json:"alive"`
	Uploads   bool              `json:"carries_uploads"`
	Roots     []string          `json:"roots"`
	Shared    map[string]string `json:"shared_roots"` // paths by name
	Queues    []string          `json:"queues"`
	StartedAt upload.Moment     `json:"started_at"`
	SeenAt    upload.Moment     `json:"seen_at"`
}

func workerCards(v *visit, age time.Duration) ([]workerCard, error) {
	all, err := v.Ledger.Workers(v.ctx(), age)
	if err != nil {
		return nil, err
	}
	schema, err := v.Ledger.Schema(v.ctx())
	cards := []workerCard{}
	for _, w := range all {
		card := workerCard{
			ID: w.ID, Host: w.Host, PID: w.PID, Version: w.Version, Roots: w.Roots, Shared: w.Shared, Queues: w.Queues,
			StartedAt: upload.Moment{Time: w.StartedAt}, SeenAt: upload.Moment{Time: w.SeenAt}, Slots: w.Uploads, Shards: w.Shards, Bandwidth: w.Bandwidth, Schema: w.Schema, Outdated: w.Outdated, Alive: v.now.Sub(w.SeenAt) < wiring.WorkerAge,
		}
		card.Differs = card.Alive && w.Version != "" && v.page.o.Version != "" && w.Version != v.page.o.Version
		card.Older = card.Alive && w.Schema < schema
		for _, duty := range w.Duties {
			card.Uploads = card.Uploads || duty == wiring.DutyUploads
		}
		cards = append(cards, card)
	}
	return cards, err
}

// Age is how an old worker is told apart.
func (c workerCard) Age(schema int64) string {
	switch {
	case c.Outdated:
		return "too old"
	case c.Older && schema > 0:
		return "older"
	case c.Differs:
		return "another version"
	}
	return ""
}

type workersBody struct {
	Workers []workerCard `json:"workers"`
	Version string       `json:"version"` // of this program
	Schema  int64        `json:"ledger_schema"`
}

func workerList(v *visit) (view, error) {
	cards, err := workerCards(v, workersAgo)
	if err != nil {
		return view{}, err
	}
	schema, err := v.Ledger.Schema(v.ctx())
	if err != nil {
		return view{}, err
	}
	t := &table{Name: "workers", Header: []string{"id", "host", "pid", "version", "ledger_schema", "outdated", "alive", "carries_uploads", "uploads_at_once", "shards_at_once", "bandwidth", "roots", "queues", "started_at", "seen_at"}}
	for _, c := range cards {
		t.add(c.ID, c.Host, number(int64(c.PID)), c.Version, number(c.Schema), yes(c.Outdated), yes(c.Alive), yes(c.Uploads), number(int64(c.Slots)), number(int64(c.Shards)), number(c.Bandwidth), strings.Join(c.Roots, "|"), strings.Join(c.Queues, "|"), stamp(c.StartedAt.Time), stamp(c.SeenAt.Time))
	}
	return view{Title: "Workers", Menu: "workers", Template: "workers", Body: workersBody{cards, v.page.o.Version, schema}, Table: t}, nil
}

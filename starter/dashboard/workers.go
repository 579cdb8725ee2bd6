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
	cards := []workerCard{}
	for _, w := range all {
		card := workerCard{
			ID: w.ID, Host: w.Host, PID: w.PID, Version: w.Version, Roots: w.Roots, Shared: w.Shared, Queues: w.Queues,
			StartedAt: upload.Moment{Time: w.StartedAt}, SeenAt: upload.Moment{Time: w.SeenAt}, Alive: v.now.Sub(w.SeenAt) < wiring.WorkerAge,
		}
		card.Differs = card.Alive && w.Version != "" && v.page.o.Version != "" && w.Version != v.page.o.Version
		for _, duty := range w.Duties {
			card.Uploads = card.Uploads || duty == wiring.DutyUploads
		}
		cards = append(cards, card)
	}
	return cards, err
}

type workersBody struct {
	Workers []workerCard `json:"workers"`
	Version string       `json:"version"` // of this program
}

func workerList(v *visit) (view, error) {
	cards, err := workerCards(v, workersAgo)
	if err != nil {
		return view{}, err
	}
	t := &table{Name: "workers", Header: []string{"id", "host", "pid", "version", "alive", "carries_uploads", "roots", "queues", "started_at", "seen_at"}}
	for _, c := range cards {
		t.add(c.ID, c.Host, number(int64(c.PID)), c.Version, yes(c.Alive), yes(c.Uploads), strings.Join(c.Roots, "|"), strings.Join(c.Queues, "|"), stamp(c.StartedAt.Time), stamp(c.SeenAt.Time))
	}
	return view{Title: "Workers", Menu: "workers", Template: "workers", Body: workersBody{cards, v.page.o.Version}, Table: t}, nil
}

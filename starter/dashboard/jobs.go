package dashboard

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
)

const (
	jobsKept  = 200
	jobsAtOne = 32               // that run at the same time
	jobTime   = 30 * time.Minute // after which one is left alone: what it asked for goes on
	quick     = 1500 * time.Millisecond
)

// job is a command that somebody has run from the page.
type job struct {
	id, by string
	args   []string
	at     time.Time
	done   chan struct{}

	ended   time.Time
	outcome Outcome
}

// jobs are the commands that were run from here, since this process began.
type jobs struct {
	o     Options
	slots chan struct{}

	mu  sync.Mutex
	all []*job // the first first
}

func newJobs(o Options) *jobs { return &jobs{o: o, slots: make(chan struct{}, jobsAtOne)} }

// start runs a command, and returns when it has ended or takes longer than a person likes
// to wait.
func (j *jobs) start(ctx context.Context, by string, args []string) jobCard {
	one := &job{id: strings.ToLower(rand.Text()[:8]), by: by, args: args, at: j.o.Now(), done: make(chan struct{})}
	j.mu.Lock()
	j.all = append(j.all, one)
	if len(j.all) > jobsKept {
		j.all = slices.Delete(j.all, 0, len(j.all)-jobsKept)
	}
	j.mu.Unlock()
	go j.run(context.WithoutCancel(ctx), one)
	patience := time.NewTimer(quick)
	defer patience.Stop()
	select {
	case <-one.done:
	case <-patience.C:
	case <-ctx.Done():
	}
	return *j.card(one.id)
}

func (j *jobs) run(ctx context.Context, one *job) {
	j.slots <- struct{}{}
	defer func() { <-j.slots }()
	ctx, cancel := context.WithTimeout(ctx, jobTime)
	defer cancel()
	outcome := j.o.Run(ctx, one.by, one.args)
	j.mu.Lock()
	defer j.mu.Unlock()
	one.outcome, one.ended = outcome, j.o.Now()
	close(one.done)
}

// jobCard is a job as it is shown.
type jobCard struct {
	ID      string        `json:"id"`
	Command string        `json:"command"`
	By      string        `json:"by"`
	At      upload.Moment `json:"at"`
	Ended   upload.Moment `json:"ended_at"`
	State   string        `json:"state"` // running, done, partly or refused
	Status  int           `json:"status"`
	Text    string        `json:"text"`
}

// Lines are what the command printed.
func (c jobCard) Lines() []string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(c.Text), "\n") {
		lines = append(lines, strings.TrimPrefix(line, "mediaferry: "))
	}
	return lines
}

// card is one job; nil where it is not known.
func (j *jobs) card(id string) *jobCard {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, one := range j.all {
		if one.id == id {
			c := one.card()
			return &c
		}
	}
	return nil
}

func (one *job) card() jobCard {
	c := jobCard{ID: one.id, Command: commandLine(one.args), By: one.by, At: upload.Moment{Time: one.at}, State: "running", Status: one.outcome.Status}
	if one.ended.IsZero() {
		return c
	}
	c.Ended, c.Text = upload.Moment{Time: one.ended}, one.outcome.Text
	switch one.outcome.Status {
	case exit.OK:
		c.State = "done"
	case exit.NotReady: // it was done all the same
		c.State = "partly"
	default:
		c.State = "refused"
	}
	return c
}

// commandLine is a command as a person types it.
func commandLine(args []string) string {
	words := []string{"mediaferry"}
	for _, arg := range args {
		name, value, flag := strings.Cut(arg, "=")
		if flag && strings.HasPrefix(name, "--") {
			words = append(words, name, upload.Argument(value))
			continue
		}
		words = append(words, upload.Argument(arg))
	}
	return strings.Join(words, " ")
}

type jobsBody struct {
	Actions []jobCard `json:"actions"`
}

func jobList(v *visit) (view, error) {
	body := jobsBody{Actions: []jobCard{}}
	j := v.page.jobs
	j.mu.Lock()
	for _, one := range slices.Backward(j.all) {
		body.Actions = append(body.Actions, one.card())
	}
	j.mu.Unlock()
	t := &table{Name: "actions", Header: []string{"at", "by", "command", "state", "text"}}
	for _, c := range body.Actions {
		t.add(stamp(c.At.Time), c.By, c.Command, c.State, c.Text)
	}
	return view{Title: "Actions", Menu: "actions", Template: "actions", Body: body, Table: t}, nil
}

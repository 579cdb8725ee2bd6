// Package dashboard is the operators' page: what needs a person, what is in trouble and
// what runs, with batches, uploads, accounts, decisions and workers, and the buttons that
// steer them.
//
// It owns the URLs of the page, their HTML, JSON and CSV, the forms and their checks, and
// the stream by which open pages learn that something changed. It refuses to decide and to
// do anything by itself: what it shows it has from package views and the ledger, and what
// a button does is a command of the program, which it is given a way to run and which it
// shows beside the button. Who may see and who may operate is the front's to say.
package dashboard

import (
	"context"
	"html/template"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/front"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

// Outcome is how a command ended.
type Outcome struct {
	Status int    // the exit status
	Text   string // what it printed
}

// Options are what the page is made of.
type Options struct {
	// Lend lends what is open to one request, which only reads. ok is false while nothing
	// is open yet.
	Lend func(output.Console) (s *opening.Session, ok bool)
	// Run runs a command of the program in the name of somebody, and returns when it has
	// ended.
	Run func(ctx context.Context, by string, args []string) Outcome
	// Inbox is the folder in which files are kept that are dropped on the page. The error
	// says why there is none.
	Inbox func() (string, error)
	// Person names who is behind the callers: of an engine on a person's own computer, that
	// person; "" where only the session is known.
	Person string
	// NoTemporal says that Temporal's web UI is not behind the same front.
	NoTemporal bool
	// Version is that of this program.
	Version string
	// Log hears of what went wrong. It must not be nil.
	Log *zap.Logger
	// Now is the clock; nil is that of the system.
	Now func() time.Time
}

// Page is the handler. It may be called from several goroutines.
type Page struct {
	o     Options
	mux   *http.ServeMux
	pulse *pulse
	jobs  *jobs
	pages map[string]*template.Template

	drawing chan struct{} // holds one for each thumbnail that is being made
}

// New returns the page.
func New(o Options) *Page {
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Page{o: o, mux: http.NewServeMux(), jobs: newJobs(o), pages: parse(o.Now), drawing: make(chan struct{}, picturesAtOnce)}
	p.pulse = newPulse(o)
	p.view("/{$}", home)
	p.view("/batches", batchList)
	p.view("/batches/{id}", batchView)
	p.view("/batches/{id}/rates", rates)
	p.view("/items", itemList)
	p.view("/items/{id...}", itemView)
	p.view("/accounts", accountList)
	p.view("/accounts/{name}", accountView)
	p.view("/decisions", decisionList)
	p.view("/listed/{id...}", listingView)
	p.view("/workers", workerList)
	p.view("/actions", jobList)
	p.act("/batches/{id}", batchAction)
	p.act("/items/{id...}", itemAction)
	p.act("/accounts/{name}", accountAction)
	p.view("/new", newView)
	p.view("/new/{name}", planView)
	p.mux.HandleFunc("POST /new", p.drop)
	p.act("/new/{name}", p.startAction)
	p.mux.HandleFunc("GET /pictures/{id...}", p.picture)
	p.mux.HandleFunc("GET /events", p.events)
	p.mux.HandleFunc("GET /assets/{name...}", serveAsset)
	p.mux.HandleFunc("/", p.unknown)
	return p
}

// ServeHTTP answers one request that the front has let pass.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Add("Vary", "Accept")
	p.mux.ServeHTTP(w, r)
}

// policy is that of all pages: their own scripts and styles from files, and nothing that
// stands in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'" +
	"; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"

// viewing makes a view for one visit.
type viewing func(v *visit) (view, error)

// view answers GET requests to a path.
func (p *Page) view(pattern string, show viewing) {
	p.mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
		v, ok := p.visit(w, r)
		if !ok {
			return
		}
		shown, err := show(v)
		if err != nil {
			p.fail(w, v, err)
			return
		}
		p.write(w, v, shown)
	})
}

func (p *Page) unknown(w http.ResponseWriter, r *http.Request) {
	if v, ok := p.visit(w, r); ok {
		p.fail(w, v, notFound("there is no page "+r.URL.Path, "the views are in the menu"))
	}
}

// who is who decides what a caller changes.
func (p *Page) who(c front.Caller) string {
	name := p.o.Person
	if name == "" {
		name = "an operator"
	}
	if c.Session == "" {
		return name + " (page, by token)"
	}
	return name + " (page, session " + c.Session + ")"
}

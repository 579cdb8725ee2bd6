package dashboard

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/upload"
)

//go:embed templates/*.html
var templateFiles embed.FS

// parse makes a template for each body, within the layout. A fault in one is a programmer's
// mistake, which every test of the page finds.
func parse(now func() time.Time) map[string]*template.Template {
	base := template.Must(template.New("").Funcs(functions()).Funcs(clockFunctions(now)).ParseFS(templateFiles, "templates/*.html"))
	pages := map[string]*template.Template{}
	for _, t := range base.Templates() {
		name, isBody := strings.CutPrefix(t.Name(), "body:")
		if !isBody {
			continue
		}
		one := template.Must(base.Clone())
		template.Must(one.AddParseTree("body", t.Tree))
		pages[name] = one.Lookup("layout")
	}
	return pages
}

// layout is what every page has around its body.
type layout struct {
	Title, Menu string
	Viewer      bool
	Temporal    bool // its web UI is behind the same front
	CSRF        string
	Here        string // the URL to load again
	Path        string // the same without its query
	CSVLink     string
	JSONLink    string
	Decisions   int64
	Trouble     int
	Version     string
	Down        string // why Temporal cannot be asked
	Done        *jobCard
	Query       string
	Body        any
	Now         time.Time
	Still       bool // it is not loaded again by itself
}

// With is the argument of a template below this one.
func (l layout) With(body any) layout {
	l.Body = body
	return l
}

// WithHere is the argument of a form that leads elsewhere.
func (l layout) WithHere(path string) layout {
	l.Here = path
	return l
}

// render answers with a page.
func (p *Page) render(w http.ResponseWriter, v *visit, shown view, status int) {
	text, err := p.page(v, shown)
	if err != nil {
		p.o.Log.Error("a page could not be made", zap.String("template", shown.Template), zap.Error(err))
		http.Error(w, "the page could not be made; the log of this program says more", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) //nolint:gosec // templates escape what is put into them; where it cannot be written, the browser is gone
}

func (p *Page) page(v *visit, shown view) ([]byte, error) {
	l := layout{
		Title: shown.Title, Menu: shown.Menu, Viewer: v.caller.Viewer, Temporal: !p.o.NoTemporal, CSRF: v.caller.CSRF, Here: v.here(), Path: v.r.URL.EscapedPath(), Version: p.o.Version,
		Query: v.query("q"), Body: shown.Body, Now: v.now, Still: shown.Still || shown.Menu == "new", JSONLink: v.with("format", "json"), Down: p.pulse.temporalDown(),
	}
	if shown.Table != nil {
		l.CSVLink = v.with("format", "csv")
	}
	if id := v.query("done"); id != "" {
		l.Done = p.jobs.card(id)
	}
	if v.Session != nil {
		p.badges(v, &l)
	}
	outer, found := p.pages[shown.Template]
	if !found {
		return nil, fmt.Errorf("there is no template %q", shown.Template)
	}
	var text bytes.Buffer
	err := outer.Execute(&text, l)
	return text.Bytes(), err
}

// badges are the numbers in the menu. Where they cannot be read, the page says so in its
// body.
func (p *Page) badges(v *visit, l *layout) {
	totals, err := v.totals()
	if err != nil {
		return
	}
	for _, t := range totals {
		if t.State == upload.StateUnconfirmed {
			l.Decisions += t.Items
		}
	}
	if body, ok := l.Body.(homeBody); ok {
		l.Trouble = body.Needs()
	}
}

package dashboard

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/mediaferry/mediaferry/internal/links"
)

// formMost is the largest form that is read.
const formMost = 64 << 10

// acting makes the command that a form asks for.
type acting func(r *http.Request) ([]string, error)

// act answers POST requests to a path by running a command.
func (p *Page) act(pattern string, ask acting) {
	p.mux.HandleFunc("POST "+pattern, func(w http.ResponseWriter, r *http.Request) {
		v, ok := p.visit(w, r)
		if !ok {
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, formMost)
		if err := r.ParseForm(); err != nil {
			p.fail(w, v, &problem{http.StatusBadRequest, "the form cannot be read: " + err.Error(), "send it as application/x-www-form-urlencoded"})
			return
		}
		switch {
		case v.caller.Viewer:
			p.fail(w, v, mayOnlyLook)
			return
		case !v.caller.Accepts(r.PostForm.Get("csrf")):
			p.fail(w, v, &problem{http.StatusForbidden, "the form is from another session", "load the page again, then send it once more"})
			return
		}
		args, err := ask(r)
		if err != nil {
			p.fail(w, v, err)
			return
		}
		c := p.jobs.start(r.Context(), p.who(v.caller), args)
		if id := started(c, args); id != "" {
			r.PostForm.Set("back", links.Batch(id))
		}
		p.answerJob(w, r, c)
	})
}

// answerJob tells how a command went: to a person on the page that they were on, to a
// program at once.
func (p *Page) answerJob(w http.ResponseWriter, r *http.Request, c jobCard) {
	if format(r) == "html" {
		http.Redirect(w, r, back(r, c.ID), http.StatusSeeOther) //nolint:gosec // it leads to this server: see back
		return
	}
	status := http.StatusOK
	switch c.State {
	case "running":
		status = http.StatusAccepted
	case "refused":
		status = http.StatusConflict
	}
	writeJSON(w, status, c)
}

// started is the batch that a command has started, or is starting; "" for any other.
func started(c jobCard, args []string) string {
	if len(args) < 2 || args[1] != "start" || c.State != "done" {
		return ""
	}
	for _, arg := range args {
		if id, ok := strings.CutPrefix(arg, "--id="); ok {
			return id
		}
	}
	return ""
}

// back is the page on which a form stood, and never one of another server.
func back(r *http.Request, job string) string {
	to, err := url.Parse(r.PostForm.Get("back"))
	if err != nil || to.Host != "" || to.Scheme != "" || !strings.HasPrefix(to.Path, "/") || strings.HasPrefix(to.Path, "//") || strings.ContainsAny(to.Path, "\\") {
		to = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}
	}
	query := to.Query()
	query.Set("done", job)
	return pathOf(to, query)
}

// because is the reason that a form gives, as a flag; nothing where it gives none.
func because(r *http.Request) []string {
	if text := strings.TrimSpace(r.PostForm.Get("because")); text != "" {
		return []string{"--because=" + text}
	}
	return nil
}

func unknownAction(r *http.Request, known string) error {
	return &problem{http.StatusBadRequest, "unknown action " + r.PostForm.Get("action"), "use one of " + known}
}

func batchAction(r *http.Request) ([]string, error) {
	id, f := r.PathValue("id"), r.PostForm
	switch action := f.Get("action"); action {
	case "pause", "resume", "cancel":
		return append(append([]string{"batch", action}, because(r)...), "--", id), nil
	case "retry":
		args := []string{"batch", "retry"}
		if kind := f.Get("kind"); kind != "" {
			args = append(args, "--kind="+kind)
		}
		if to := f.Get("to"); to != "" {
			args = append(args, "--to="+to)
		}
		if message := f.Get("message"); message != "" {
			args = append(args, "--message="+message)
		}
		return append(append(args, because(r)...), "--", id), nil
	case "set":
		args := append([]string{"batch", "set"}, limitFlags(f)...)
		return append(append(args, because(r)...), "--", id), nil
	case "decide":
		args := append([]string{"decide", "--batch=" + id}, because(r)...)
		return append(args, "--", f.Get("verdict")), nil
	}
	return nil, unknownAction(r, "pause, resume, cancel, retry, set, decide")
}

// limitFlags are the limits that a form changes.
func limitFlags(f url.Values) (flags []string) {
	for _, pair := range strings.Fields(f.Get("rps")) {
		flags = append(flags, "--rps="+pair)
	}
	for _, name := range []string{"in-flight", "bwlimit", "patience"} {
		if text := strings.TrimSpace(f.Get(name)); text != "" {
			flags = append(flags, "--"+name+"="+text)
		}
	}
	for _, budget := range strings.Fields(f.Get("failures")) {
		flags = append(flags, "--failures="+budget)
	}
	return flags
}

func itemAction(r *http.Request) ([]string, error) {
	id, f := idOf(r), r.PostForm
	switch action := f.Get("action"); action {
	case "pause", "resume", "cancel":
		return append(append([]string{action}, because(r)...), "--", id), nil
	case "retry":
		return append(append([]string{"retry", "--detach"}, because(r)...), "--", id), nil
	case "decide":
		return append(append([]string{"decide", "--detach"}, because(r)...), "--", id, f.Get("verdict")), nil
	}
	return nil, unknownAction(r, "pause, resume, cancel, retry, decide")
}

func accountAction(r *http.Request) ([]string, error) {
	name := r.PathValue("name")
	switch action := r.PostForm.Get("action"); action {
	case "pause":
		return append(append([]string{"account", "pause"}, because(r)...), "--", name), nil
	case "resume":
		return []string{"account", "resume", "--", name}, nil
	}
	return nil, unknownAction(r, "pause, resume")
}

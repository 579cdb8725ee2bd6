package front

import (
	"context"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/guard"
)

// codeParameter is the query parameter of a login link.
const codeParameter = "login"

// Link is a URL of a front that logs its reader in, once and within a day, for whoever
// holds the front's token. It works with a front that had begun when it was made.
func Link(frontURL, path, token string) string {
	return frontURL + path + "?" + codeParameter + "=" + seal(derive(token, "login"), time.Now(), false)
}

// followLink logs a browser in, and has it load the page again without the code.
func (f *Front) followLink(w http.ResponseWriter, r *http.Request) {
	target := *r.URL
	query := target.Query()
	code := query.Get(codeParameter)
	query.Del(codeParameter)
	target.RawQuery = query.Encode()
	move := f.moves(r)
	viewer, ok := f.sessions.use(code, move)
	switch {
	case !ok:
		f.askForToken(w, r, "This login link was used already, has expired, or was made before the last restart.")
	case move: // the code is used up there, where the cookie belongs
		http.Redirect(w, r, f.privateURL(r.URL.RequestURI()), http.StatusSeeOther) //nolint:gosec // it leads to this front: see local
	case r.Header.Get("Sec-Fetch-Site") == "cross-site":
		// The browser came from the page on which the token was typed, which has another
		// name. It would follow a redirect as that page's request, without the new cookie.
		f.sessions.begin(w, r, viewer)
		f.page(w, http.StatusOK, loginPage{Next: local(target.RequestURI())})
	default:
		f.sessions.begin(w, r, viewer)
		http.Redirect(w, r, local(target.RequestURI()), http.StatusSeeOther) //nolint:gosec // see local
	}
}

// moves reports whether a request is a browser's that is to go on under the private
// name. The name is told only to who has shown a code or the token.
func (f *Front) moves(r *http.Request) bool {
	if !guard.IsLoopback(guard.HostName(r.Host)) || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return false
	}
	agent := r.UserAgent()
	if strings.Contains(agent, "Chrome/") || strings.Contains(agent, "Firefox/") {
		return true // they find names below localhost by themselves
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, f.private)
	return err == nil && len(found) > 0 && guard.IsLoopback(found[0])
}

func (f *Front) privateURL(path string) string {
	host := f.private
	if f.port != "" {
		host = net.JoinHostPort(host, f.port)
	}
	return "http://" + host + local(path)
}

// local is a path of this front, and never the address of another server.
func local(path string) string {
	path = "/" + strings.TrimLeft(path, "/\\")
	if u, err := url.Parse(path); err != nil || u.Host != "" || strings.HasPrefix(u.Path, loginPath) {
		return "/"
	}
	return path
}

// login takes the token that a person has typed.
func (f *Front) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	given, target := strings.TrimSpace(r.PostFormValue("token")), local(r.PostFormValue("target"))
	full := f.opens(given)
	if !full && !f.reads(given) {
		f.page(w, http.StatusUnauthorized, loginPage{Target: target, Where: f.o.Where, Problem: "This is not the token."})
		return
	}
	if !f.moves(r) {
		f.sessions.begin(w, r, !full)
		http.Redirect(w, r, target, http.StatusSeeOther)
		return
	}
	u, err := url.Parse(target)
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	query := u.Query()
	query.Set(codeParameter, seal(f.sessions.links, f.o.Now(), !full))
	u.RawQuery = query.Encode()
	// Not a redirect: the policy of the page lets its form lead to this origin alone.
	f.page(w, http.StatusOK, loginPage{Next: f.privateURL(u.RequestURI())})
}

// askForToken answers with the page on which a person types the token.
func (f *Front) askForToken(w http.ResponseWriter, r *http.Request, problem string) {
	target := *r.URL
	query := target.Query()
	query.Del(codeParameter)
	target.RawQuery = query.Encode()
	w.Header().Set("WWW-Authenticate", "Bearer")
	f.page(w, http.StatusUnauthorized, loginPage{Target: local(target.RequestURI()), Where: f.o.Where, Problem: problem})
}

// pagePolicy is that of the front's own pages, which have no scripts.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

type loginPage struct {
	Target, Where, Problem string
	Next                   string // after a login
}

var loginTemplate = template.Must(template.New("login").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{{if .Next}}<meta http-equiv="refresh" content="0; url={{.Next}}">{{end}}
<title>mediaferry: log in</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto 0; padding: 0 1.5rem; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin: .25rem 0 1rem; }
button { font: inherit; padding: .5rem 1.5rem; }
.problem { border-left: 4px solid #c0392b; padding-left: .75rem; }
</style>
</head>
<body>
<h1>mediaferry</h1>
{{if .Next}}<p>You are logged in. <a href="{{.Next}}">Continue</a></p>{{else}}
{{if .Problem}}<p class="problem" role="alert">{{.Problem}}</p>{{end}}
<p>Paste the token to log in. It is {{.Where}}.</p>
<form method="post" action="/login">
<input type="hidden" name="target" value="{{.Target}}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" autofocus required>
<button>Log in</button>
</form>{{end}}
</body>
</html>
`))

// page writes the page of the login.
func (f *Front) page(w http.ResponseWriter, status int, p loginPage) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.WriteHeader(status)
	_ = loginTemplate.Execute(w, p) // the browser is gone
}

package dashboard

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/front"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
	"github.com/mediaferry/mediaferry/starter/views"
)

// visit is one request with what it may read.
type visit struct {
	*opening.Session
	page   *Page
	r      *http.Request
	caller front.Caller
	now    time.Time

	known *views.Waits
	open  []ledger.AccountItems
}

// visit opens what is needed for a request, or answers it.
func (p *Page) visit(w http.ResponseWriter, r *http.Request) (*visit, bool) {
	v := &visit{page: p, r: r, caller: front.CallerOf(r.Context()), now: p.o.Now()}
	var said bytes.Buffer // nothing that reads has anything to say
	s, ok := p.o.Lend(output.Console{Out: &said, Err: &said})
	if !ok {
		w.Header().Set("Retry-After", "2")
		p.fail(w, v, &problem{http.StatusServiceUnavailable, "mediaferry is starting", "load the page again in a moment"})
		return nil, false
	}
	v.Session = s
	return v, true
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// waits are what is known of accounts and workers, read once for a request.
func (v *visit) waits() (*views.Waits, error) {
	if v.known != nil {
		return v.known, nil
	}
	var err error
	v.known, err = views.ReadWaits(v.ctx(), v.Ledger)
	return v.known, err
}

// totals are the open items by account and state.
func (v *visit) totals() ([]ledger.AccountItems, error) {
	if v.open != nil {
		return v.open, nil
	}
	var err error
	v.open, err = v.Ledger.OpenTotals(v.ctx())
	return v.open, err
}

// query is one parameter of the URL.
func (v *visit) query(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }

// with is the visited URL with one parameter changed; an empty value removes it. Changing a
// filter goes back to the first page.
func (v *visit) with(name, value string) string {
	query := v.r.URL.Query()
	query.Del("after")
	query.Del("done")
	query.Del("format")
	query.Set(name, value)
	if value == "" {
		query.Del(name)
	}
	return pathOf(v.r.URL, query)
}

// here is the visited URL, without what only the answer to a form has.
func (v *visit) here() string {
	query := v.r.URL.Query()
	query.Del("done")
	return pathOf(v.r.URL, query)
}

func pathOf(u *url.URL, query url.Values) string {
	if len(query) == 0 {
		return u.EscapedPath()
	}
	return u.EscapedPath() + "?" + query.Encode()
}

// idOf is the ID of an upload in the path of a request.
func idOf(r *http.Request) string { return idBelow(r, "/items/") }

func idBelow(r *http.Request, folder string) string {
	escaped := strings.TrimPrefix(r.URL.EscapedPath(), folder)
	id, err := url.PathUnescape(escaped)
	if err != nil {
		return escaped
	}
	return id
}

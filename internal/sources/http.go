package sources

import (
	"cmp"
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/media"
)

// hops is the number of redirects that are followed.
const hops = 5

// web reads https: sources.
type web struct {
	door     http.RoundTripper
	insecure bool
	spools   *spools
}

func newWeb(o Options) *web {
	return &web{
		door:     o.Egress.Objects(egress.Policy{Private: o.AllowPrivate, Insecure: o.AllowPrivate}).Transport,
		insecure: o.AllowPrivate, spools: &spools{dir: o.Temporary},
	}
}

func (w *web) place(u *url.URL) (place, error) {
	if u.Scheme != "https" && !w.insecure {
		return nil, unfit("must be an https: URL").hint("write https:// if the server supports it; to read http: sources in your own network, set sources.allow_private_networks: true")
	}
	return remotePlace{&page{web: w, url: u}}, nil
}

// check refuses a page whose URL shows that it may not be reached.
func (p *page) check() error {
	if p.insecure {
		return nil
	}
	if err := egress.CheckLiteral(p.url); err != nil {
		return network(err)
	}
	return nil
}

// page is one URL, with the cookies that its redirects set: some servers redirect to
// themselves to set one. The user name and password in it are sent as basic authentication
// to its own host, and never to the target of a redirect.
type page struct {
	*web
	url *url.URL

	mu sync.Mutex
	// end is the target of the last redirects. Later requests go directly to it, so
	// that all ranges come from one server. When a signed target expires, the source
	// itself is requested again.
	end *url.URL
	// cookies are sent to the host that set them, and to no other.
	cookies map[string][]*http.Cookie
}

func (p *page) name() string {
	if name := path.Base(p.url.Path); name != "/" && name != "." {
		return name
	}
	return ""
}

func (p *page) head(ctx context.Context) (object, error) {
	response, err := p.ask(ctx, http.MethodHead, http.Header{}) //nolint:bodyclose // discard closes it
	if err != nil {
		return object{}, err
	}
	defer discard(response.Body)
	switch response.StatusCode {
	case http.StatusOK:
		return describe(response, response.ContentLength), nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return object{}, httpRefusal(response)
	}
	return object{}, lost("did not answer a HEAD request") // its signature is for GET only, or it does not support HEAD
}

func (p *page) get(ctx context.Context, want span, pin object) (object, io.ReadCloser, error) {
	header := http.Header{}
	if bytes := want.header(); bytes != "" {
		header.Set("Range", bytes)
	}
	switch {
	case pin.strong():
		header.Set("If-Match", pin.etag)
	case pin.etag == "" && pin.modified != "":
		header.Set("If-Unmodified-Since", pin.modified)
	}
	response, err := p.ask(ctx, http.MethodGet, header)
	if err != nil {
		return object{}, nil, err
	}
	is, err := p.accept(response, want)
	if err != nil {
		discard(response.Body)
		return object{}, nil, err
	}
	return is, response.Body, nil
}

// accept checks that a response has the requested span.
func (p *page) accept(response *http.Response, want span) (object, error) {
	a := answer{length: response.ContentLength}
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		if a.contentRange = response.Header.Get("Content-Range"); a.contentRange == "" {
			return object{}, broken(nil, "could not be read: the server returned several ranges instead of one")
		}
	default:
		return object{}, p.refused(response)
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		t := unfit("has the content encoding %q, which was not requested", encoding).hint("%s", downloadHint)
		t.once = gzipped(encoding)
		return object{}, t
	}
	size, partial, err := a.measure(want)
	if err != nil {
		return object{}, err
	}
	is := p.describe(response, size)
	is.partial = partial
	return is, nil
}

// whole requests the whole source, whatever its length.
func (p *page) whole(ctx context.Context) (object, io.ReadCloser, error) {
	response, err := p.ask(ctx, http.MethodGet, http.Header{})
	if err != nil {
		return object{}, nil, err
	}
	encoding := response.Header.Get("Content-Encoding")
	switch is := p.describe(response, response.ContentLength); {
	case response.StatusCode == http.StatusPartialContent:
		err = sizeless()
	case response.StatusCode != http.StatusOK:
		err = p.refused(response)
	case is.size > spoolSize:
		err = unfit("has %d bytes, but its server gives no version that stays, so at most %d MiB can be read", is.size, spoolSize>>20).hint("%s", downloadHint)
	case encoding != "" && !strings.EqualFold(encoding, "identity") && !gzipped(encoding):
		err = unfit("has the content encoding %q, which was not requested", encoding).hint("%s", downloadHint)
	default:
		is.zipped = gzipped(encoding)
		return is, response.Body, nil
	}
	discard(response.Body)
	return object{}, nil, err
}

func gzipped(encoding string) bool {
	return strings.EqualFold(encoding, "gzip") || strings.EqualFold(encoding, "x-gzip")
}

// describe adds the name that the server gives to what a response says.
func (p *page) describe(response *http.Response, size int64) object {
	is := describe(response, size)
	if _, known := media.TypeOf(p.name()); !known { // /download?id=7, /image.ashx
		is.name = cmp.Or(attachment(response.Header.Get("Content-Disposition")), p.redirected())
	}
	return is
}

func describe(response *http.Response, size int64) object {
	h := response.Header
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	return object{size: size, etag: h.Get("ETag"), modified: h.Get("Last-Modified"), kind: kind, fresh: fresh(h)}
}

// fresh reports whether the only version of a content is a time shortly before the
// answer: programs that make their content give the present time.
func fresh(h http.Header) bool {
	const shortly = 10 * time.Second
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil || h.Get("ETag") != "" {
		return false
	}
	now, err := http.ParseTime(h.Get("Date"))
	return err == nil && now.Sub(modified) < shortly
}

// ask sends a request to the last known location of the source's bytes.
func (p *page) ask(ctx context.Context, method string, header http.Header) (*http.Response, error) {
	header.Set("Accept", "*/*")               // some refuse who does not say so
	header.Set("Accept-Encoding", "identity") // the bytes as stored
	header.Set("User-Agent", "mediaferry")
	p.mu.Lock()
	end := p.end
	p.mu.Unlock()
	if end != nil {
		response, err := p.send(ctx, method, end, header)
		if err != nil || !stale(response.StatusCode) {
			return response, err
		}
		discard(response.Body)
	}
	return p.follow(ctx, method, header)
}

// stale reports whether a response may mean that the target of a redirect has expired
// or moved, rather than anything about the content.
func stale(status int) bool {
	return status >= 300 && status < 500 && status != http.StatusPreconditionFailed &&
		status != http.StatusRequestedRangeNotSatisfiable && status != http.StatusTooManyRequests
}

// follow requests the source, and follows its redirects.
func (p *page) follow(ctx context.Context, method string, header http.Header) (*http.Response, error) {
	at := p.url
	for range hops + 1 {
		response, err := p.send(ctx, method, at, header)
		if err != nil {
			return nil, err
		}
		location := response.Header.Get("Location")
		if location == "" || !redirects(response.StatusCode) {
			if at != p.url {
				p.mu.Lock()
				p.end = at
				p.mu.Unlock()
			}
			return response, nil
		}
		discard(response.Body)
		p.remember(at, response.Cookies())
		next, err := at.Parse(location)
		if err != nil {
			return nil, unfit("redirects to an invalid URL")
		}
		if next.Scheme != "https" && (next.Scheme != "http" || at.Scheme != "http") {
			return nil, unfit("redirects to %s://%s, which is not an https: URL", next.Scheme, next.Host)
		}
		next.User = nil // credentials are only for the host that the operator named
		at = next
	}
	return nil, unfit("redirects more than %d times", hops)
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

func (p *page) send(ctx context.Context, method string, at *url.URL, header http.Header) (*http.Response, error) {
	bare := *at
	bare.User = nil // it goes into a header
	request, err := http.NewRequestWithContext(ctx, method, bare.String(), nil)
	if err != nil {
		return nil, unfit("is not a valid URL")
	}
	request.Header = header.Clone()
	for _, cookie := range p.cookiesFor(at) {
		request.AddCookie(cookie)
	}
	if user := at.User; user != nil {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
	}
	// The client is bypassed because it parses the target of a redirect even if it
	// does not follow it, and quotes the whole of an invalid one.
	response, err := p.door.RoundTrip(request)
	if err != nil {
		return nil, network(err)
	}
	return response, nil
}

// refused is the refusal of a request for the source, with what may be wrong with its
// URL.
func (p *page) refused(response *http.Response) *trouble {
	t := httpRefusal(response)
	switch {
	case response.StatusCode == http.StatusForbidden:
		return t.hint("check that a signed URL has not expired, and that the server lets programs read the file: some refuse the user agent mediaferry")
	case t.reason != gone || t.advice != "":
		return t
	}
	switch raw := p.url.String(); {
	case strings.Contains(raw, "&amp;"):
		return t.hint("in the URL, write & instead of &amp;")
	case strings.Contains(p.url.EscapedPath(), "%25"):
		return t.hint("check the URL: it may be encoded twice, because %%25 stands for a percent sign")
	case strings.TrimRight(p.url.Path, " ,;.)]}'\u00a0\u200b") != p.url.Path:
		return t.hint("check the end of the URL: a blank or a punctuation mark may have been copied with it")
	}
	return t
}

func httpRefusal(response *http.Response) *trouble {
	return refusal{
		status:     response.StatusCode,
		retryAfter: egress.RetryAfter(response.Header, time.Now()),
	}.trouble()
}

// discardLimit is the number of bytes of an unwanted body that are read so that its
// connection can be reused; a longer body costs more than a new connection.
const discardLimit = 16 << 10

func discard(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, discardLimit) // neither its bytes nor its errors matter
	_ = body.Close()
}

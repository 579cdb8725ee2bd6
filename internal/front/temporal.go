package front

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/internal/guard"
)

// Upstream is Temporal's web UI, which forwards to Temporal whatever Authorization
// header it is sent.
type Upstream struct {
	URL string
	// Token is sent to it as "Authorization: Bearer"; "" for nothing: a web UI that needs
	// no credential, or has one of its own.
	Token string
	// Dial connects to the web UI, and to nothing else that listens at its address; nil
	// for the usual way.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// apiPath is the web UI's way to Temporal.
const apiPath = TemporalPath + "/api/v1/"

// pageMost is the largest page of the web UI; it has 30 kB.
const pageMost = 4 << 20

// newTemporal returns the handler that passes requests to Temporal's web UI.
func newTemporal(up Upstream) (http.Handler, error) {
	target, err := url.Parse(up.URL)
	if err != nil {
		return nil, fmt.Errorf("temporal's web UI: %w", err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = target.Scheme, target.Host, target.Host
			for _, name := range []string{"Cookie", "Origin", "Referer", "Authorization", "Authorization-Extras", "X-Http-Method-Override", "Forwarded"} {
				p.Out.Header.Del(name)
			}
			p.Out.Header.Set("Accept-Encoding", "identity")
			if up.Token != "" {
				p.Out.Header.Set("Authorization", "Bearer "+up.Token)
			}
		},
		Transport:      &http.Transport{DialContext: up.Dial, MaxIdleConnsPerHost: 16},
		ModifyResponse: secure,
		FlushInterval:  -1,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "Temporal's web UI does not answer; it may be starting. Try again in a moment", http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !passes(r) {
			(&guard.Refusal{
				Status: http.StatusForbidden,
				Text:   "this call is not passed to Temporal: workflows, activities and schedules are started with mediaferry's commands",
			}).Write(w)
			return
		}
		if history := rawHistory.FindStringSubmatch(r.URL.EscapedPath()); history != nil {
			http.Redirect(w, r, history[1]+"/history?execution.runId="+history[2], http.StatusSeeOther) //nolint:gosec // it begins with apiPath
			return
		}
		for _, name := range hardened {
			w.Header().Del(name) // the proxy adds to what is there; secure sets them
		}
		proxy.ServeHTTP(w, r)
	}), nil
}

// hardened are the headers that an answer of the web UI has once only.
var hardened = []string{
	"Cache-Control", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options", "Content-Security-Policy", "Cross-Origin-Resource-Policy", "Vary",
}

// rawHistory is the one call of the web UI that goes to Temporal without the header of
// its caller. Temporal's own call answers the same.
var rawHistory = regexp.MustCompile(`^(` + apiPath + `namespaces/[^/]+/workflows/[^/]+)/run/([^/]+)/history\.json$`)

// changes are the calls of Temporal's API that the web UI may make beside reading:
// those that steer what is there. Nothing that starts a workflow, an activity or a
// schedule is among them, or that takes the place of an activity's result.
var changes = regexp.MustCompile(`^` + apiPath + `namespaces/[^/]+/(?:` + strings.Join([]string{
	`workflows/[^/]+/(?:cancel|terminate|reset|pause|unpause)`,
	`workflows/[^/]+/(?:signal|update|query)/[^/]+`,
	`(?:workflows/[^/]+/)?activities/[^/]+/(?:cancel|terminate|reset|pause|unpause)`,
	`activities-deprecated/(?:reset|pause|unpause)`,
	`batch-operations/[^/]+(?:/stop)?`,
	`schedules/[^/]+/patch`,
	`worker-deployments/[^/]+/(?:set-current-version|set-ramping-version)`,
}, "|") + `)$`)

// deletions are the calls that the web UI may make with DELETE.
var deletions = regexp.MustCompile(`^` + apiPath + `namespaces/[^/]+/(?:schedules|workflows)/[^/]+$`)

// passes decides by method and path as they stand in the request, before anything is
// decoded: what the web UI would read differently is not among the calls.
func passes(r *http.Request) bool {
	path := r.URL.EscapedPath()
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodPost:
		return changes.MatchString(path)
	case http.MethodDelete:
		return deletions.MatchString(path)
	}
	return false
}

// secure adds what the web UI lacks behind a path: a policy for its pages. It takes
// away the UI's own cookies and CORS headers, which are the front's business.
func secure(r *http.Response) error {
	own := r.Header.Get("Content-Security-Policy")
	for _, name := range append([]string{
		"Set-Cookie", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "X-Xss-Protection",
	}, hardened...) {
		r.Header.Del(name)
	}
	guard.Harden(r.Header)
	switch path := r.Request.URL.Path; {
	case strings.Contains(path, "/_app/immutable/"):
		r.Header.Set("Cache-Control", "private, max-age=31536000, immutable")
	case path == apiPath+"settings":
		return replace(r, withOwnCodec)
	case path == TemporalPath+"/render":
		// It shows Markdown of workflows in a frame of the page, with a policy of its own,
		// which is stricter.
		r.Header.Set("X-Frame-Options", "SAMEORIGIN")
		r.Header.Set("Content-Security-Policy", own)
	case strings.HasPrefix(r.Header.Get("Content-Type"), "text/html"):
		return replace(r, func(page []byte) ([]byte, error) {
			r.Header.Set("Content-Security-Policy", policy(page))
			return page, nil
		})
	}
	return nil
}

// replace changes the body of an answer.
func replace(r *http.Response, change func([]byte) ([]byte, error)) error {
	reader := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		reader = unzipped
		r.Header.Del("Content-Encoding")
	}
	body, err := io.ReadAll(io.LimitReader(reader, pageMost))
	_ = r.Body.Close() // it was read
	if err != nil {
		return err
	}
	if body, err = change(body); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// withOwnCodec makes the web UI have its payloads decoded by this front, under
// whichever name its page was loaded, so that the browser sends its session along.
func withOwnCodec(body []byte) ([]byte, error) {
	var settings map[string]json.RawMessage
	if json.Unmarshal(body, &settings) != nil {
		return body, nil
	}
	codec, err := json.Marshal(map[string]any{
		"Endpoint": CodecPath, "PassAccessToken": false, "IncludeCredentials": true,
		"DefaultErrorMessage": "", "DefaultErrorLink": "",
	})
	if err != nil {
		return nil, err
	}
	settings["Codec"] = codec
	return json.Marshal(settings)
}

var script = regexp.MustCompile(`(?s)<script(?:\s[^>]*)?>(.*?)</script>`)

// policy is that of a page of the web UI: its own scripts and those in the page as it
// is, and nothing from elsewhere.
func policy(page []byte) string {
	var hashes strings.Builder
	for _, found := range script.FindAllSubmatch(page, -1) {
		if len(bytes.TrimSpace(found[1])) > 0 {
			sum := sha256.Sum256(found[1])
			hashes.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
		}
	}
	return "default-src 'self'; script-src 'self'" + hashes.String() +
		"; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:" +
		"; frame-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
}

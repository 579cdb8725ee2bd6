package simulate

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
)

// Zone says what kind of host a path stands for.
type Zone int

// The zones.
const (
	ZoneAPI    Zone = iota // a vendor's own API
	ZoneStore              // a storage host that takes bytes by a grant
	ZonePublic             // a host that serves bytes without credentials
	ZoneSource             // a store with credentials of its own, as a source
	ZoneInside             // what the vendors' own machines call
)

// Route is one call that the sandbox answers.
type Route struct {
	Vendor, Call string
	Method       string
	// Pattern is a path whose segments may be {name}; the last may be {name...}
	// and takes the rest.
	Pattern string
	Zone    Zone
	Handle  func(*Call) *Answer
	// Refuse makes an error answer in the envelope of whoever is asked here.
	Refuse func(*Call, Refusal) *Answer
	// Subject gives the words that a fault's match may hit besides the URL.
	Subject func(*Call) string
}

// Refusal is an error answer before it has an envelope.
type Refusal struct {
	Status        int
	Code, Message string
}

// Worded completes what a rule leaves open, code or message, by a store's own words
// for the status, each a code and its message; what they do not know is HTTP's word.
func (f Refusal) Worded(known [][2]string) Refusal {
	for _, k := range known {
		if f.Code == "" || f.Code == k[0] {
			f.Code, f.Message = k[0], cmp.Or(f.Message, k[1])
			break
		}
	}
	text := http.StatusText(f.Status)
	f.Code = cmp.Or(f.Code, strings.ReplaceAll(text, " ", ""))
	f.Message = cmp.Or(f.Message, text)
	return f
}

// Router finds the route of a request.
type Router struct {
	byHead map[string][]Route // by the first segment of the path
	bucket func(name string) (func(*http.Request) Route, bool)
	rest   []Route // for any other first segment
}

// NewRouter asks bucket first, with the first segment of a path.
func NewRouter(bucket func(name string) (func(*http.Request) Route, bool)) *Router {
	return &Router{byHead: map[string][]Route{}, bucket: bucket}
}

// Add takes the routes of a host in.
func (rt *Router) Add(h Host) {
	for _, r := range h.Routes() {
		r.Vendor = h.Name()
		head, _, _ := strings.Cut(strings.TrimPrefix(r.Pattern, "/"), "/")
		if strings.HasPrefix(head, "{") || head == "" {
			rt.rest = append(rt.rest, r)
			continue
		}
		rt.byHead[head] = append(rt.byHead[head], r)
	}
}

// Find returns the route of a request, and what its pattern names. A path that
// nobody has gets a route that says so in the words of its neighbours.
func (rt *Router) Find(r *http.Request) (Route, map[string]string) {
	path := r.URL.EscapedPath()
	head, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if b, ok := rt.bucket(head); ok {
		key, err := url.PathUnescape(rest)
		if err != nil {
			key = rest
		}
		return b(r), map[string]string{"key": key}
	}
	routes, ok := rt.byHead[head]
	if !ok {
		routes = rt.rest
	}
	var near Route
	for _, candidate := range routes {
		names, ok := match(candidate.Pattern, path)
		if !ok {
			continue
		}
		if candidate.Method == r.Method || r.Method == http.MethodHead && candidate.Method == http.MethodGet && candidate.Zone == ZonePublic {
			return candidate, names
		}
		near = candidate
	}
	if near.Pattern != "" {
		return unknownRoute(near, http.StatusMethodNotAllowed), nil
	}
	return unknownRoute(routes[0], http.StatusNotFound), nil
}

// unknownRoute answers in the envelope of a neighbour.
func unknownRoute(near Route, status int) Route {
	near.Call = "unknown"
	near.Subject = nil
	near.Handle = func(c *Call) *Answer {
		c.Violation("unknown-path", "%s %s is no call of this vendor", c.HTTP.Method, c.Log.Path)
		return c.Route.Refuse(c, Refusal{Status: status, Message: http.StatusText(status)})
	}
	return near
}

// match compares a path, still escaped, with a pattern.
func match(pattern, path string) (map[string]string, bool) {
	names := map[string]string{}
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, w := range want {
		if name, ok := strings.CutSuffix(w, "...}"); ok {
			if i >= len(got) {
				return nil, false
			}
			rest, err := url.PathUnescape(strings.Join(got[i:], "/"))
			names[strings.TrimPrefix(name, "{")] = rest
			return names, err == nil
		}
		if i >= len(got) {
			return nil, false
		}
		if strings.HasPrefix(w, "{") {
			value, err := url.PathUnescape(got[i])
			if err != nil || value == "" {
				return nil, false
			}
			names[strings.Trim(w, "{}")] = value
			continue
		}
		if w != got[i] {
			return nil, false
		}
	}
	return names, len(got) == len(want)
}

package sandbox

import (
	"net/http"
	"net/url"
	"strings"
)

// zone says what kind of host a path stands for.
type zone int

const (
	zoneAPI    zone = iota // a vendor's own API
	zoneStore              // a storage host that takes bytes by a grant
	zonePublic             // a host that serves bytes without credentials
	zoneSource             // a store with credentials of its own, as a source
	zoneInside             // what the vendors' own machines call
)

// route is one call that the sandbox answers.
type route struct {
	vendor, call string
	method       string
	// pattern is a path whose segments may be {name}; the last may be {name...}
	// and takes the rest.
	pattern string
	zone    zone
	handle  func(*call) *answer
	// refuse makes an error answer in the envelope of whoever is asked here.
	refuse func(*call, refusal) *answer
	// subject gives the words that a fault's match may hit besides the URL.
	subject func(*call) string
}

// refusal is an error answer before it has an envelope.
type refusal struct {
	status        int
	code, message string
}

// vendor is one of the five, or a store of sources.
type vendor interface {
	name() string
	routes() []route
	media() []Medium
	reset()
}

// router finds the route of a request.
type router struct {
	byHead map[string][]route // by the first segment of the path
	bucket func(name string) (func(*http.Request) route, bool)
	rest   []route // for any other first segment
}

func (rt *router) add(v vendor) {
	for _, r := range v.routes() {
		r.vendor = v.name()
		head, _, _ := strings.Cut(strings.TrimPrefix(r.pattern, "/"), "/")
		if strings.HasPrefix(head, "{") || head == "" {
			rt.rest = append(rt.rest, r)
			continue
		}
		rt.byHead[head] = append(rt.byHead[head], r)
	}
}

// find returns the route of a request, and what its pattern names. A path that
// nobody has gets a route that says so in the words of its neighbours.
func (rt *router) find(r *http.Request) (route, map[string]string) {
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
	var near route
	for _, candidate := range routes {
		names, ok := match(candidate.pattern, path)
		if !ok {
			continue
		}
		if candidate.method == r.Method || r.Method == http.MethodHead && candidate.method == http.MethodGet && candidate.zone == zonePublic {
			return candidate, names
		}
		near = candidate
	}
	if near.pattern != "" {
		return unknownRoute(near, http.StatusMethodNotAllowed), nil
	}
	return unknownRoute(routes[0], http.StatusNotFound), nil
}

// unknownRoute answers in the envelope of a neighbour.
func unknownRoute(near route, status int) route {
	near.call = "unknown"
	near.subject = nil
	near.handle = func(c *call) *answer {
		c.violation("unknown-path", "%s %s is no call of this vendor", c.r.Method, c.log.Path)
		return c.route.refuse(c, refusal{status: status, message: http.StatusText(status)})
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

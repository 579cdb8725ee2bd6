package config

import (
	"net/url"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
)

// address reads a base URL and returns it without a trailing slash, or "" and nil
// if it must not be used. http: is allowed on loopback, and elsewhere if plain is
// set; hint says how to allow it.
func (f *findings) address(v value, plain bool, hint string) (string, *url.URL) {
	text := strings.TrimRight(f.word(v), "/")
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		f.add(v, "use https://HOST/PATH", "%q is not an https: URL", egress.Redact(text))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		f.add(v, "use only a scheme, a host and a path", "contains a user, a query or a fragment")
	case u.Scheme == "http" && !plain && !egress.IsLoopback(u):
		f.add(v, hint, "%q is not an https: URL", egress.Redact(text))
	default:
		return text, u
	}
	return "", nil
}

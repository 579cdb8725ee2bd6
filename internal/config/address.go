package config

import (
	"net/url"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
)

// address reads a base URL, and returns it without the slash at its end; "" and
// nil where there is none that may be used. http: is for loopback, and where
// plain says so; hint is for those who lack that.
func (f *findings) address(v value, plain bool, hint string) (string, *url.URL) {
	text := strings.TrimRight(f.word(v), "/")
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		f.add(v, "want https://HOST/PATH", "%q is no https: URL", egress.Redact(text))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		f.add(v, "want scheme, host and path only", "holds a user, a query or a fragment")
	case u.Scheme == "http" && !plain && !egress.IsLoopback(u):
		f.add(v, hint, "%q is not https:", egress.Redact(text))
	default:
		return text, u
	}
	return "", nil
}

package egress

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Speaker is who gave an answer, as far as its headers tell: what it sent, under which
// names the server and the proxies before it go, and to which host it points. Its text
// is short and holds no secret.
func Speaker(header http.Header) string {
	var said []string
	content, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	for _, one := range []struct{ before, text string }{
		{"", strings.TrimSpace(content)},
		{"compressed with ", header.Get("Content-Encoding")}, // which nobody has asked for
		{"server ", header.Get("Server")},
		{"via ", strings.Join(header.Values("Via"), ", ")},
		{"through proxy ", Proxy(header)},
		{"location ", elsewhere(header)},
	} {
		if text := Line(one.text, mostName); text != "" {
			said = append(said, one.before+text)
		}
	}
	if len(said) == 0 {
		return "no content type, no server name"
	}
	return strings.Join(said, ", ")
}

// elsewhere is the host that an answer points to; "" where it names none.
func elsewhere(header http.Header) string {
	there, err := url.Parse(header.Get("Location"))
	if err != nil {
		return ""
	}
	return there.Host
}

// mostName is how many characters of a name are told.
const mostName = 80

// IsPage reports whether an answer is a page for people, such as a portal, a proxy or
// a firewall serves.
func IsPage(header http.Header, body []byte) bool {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err == nil && (kind == "text/html" || kind == "application/xhtml+xml") {
		return true
	}
	head := strings.ToLower(strings.TrimLeft(string(body[:min(len(body), 256)]), "\ufeff \t\r\n"))
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html")
}

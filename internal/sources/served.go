package sources

import (
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/media"
)

// looseName is a file name in a Content-Disposition that is not written as it should be:
// with blanks, but without quotation marks.
var looseName = regexp.MustCompile(`(?i)(?:^|;)\s*filename\s*=\s*"?([^";]+)`)

// attachment is the file name in a Content-Disposition, or "".
func attachment(disposition string) string {
	name := ""
	if _, parameters, err := mime.ParseMediaType(disposition); err == nil {
		name = parameters["filename"]
	} else if found := looseName.FindStringSubmatch(disposition); found != nil {
		name = found[1]
	}
	if !utf8.ValidString(name) { // in Latin-1, as HTTP once had it
		runes := make([]rune, 0, len(name))
		for _, b := range []byte(name) {
			runes = append(runes, rune(b))
		}
		name = string(runes)
	}
	if plain, err := new(mime.WordDecoder).DecodeHeader(name); err == nil { // =?UTF-8?B?…?=
		name = plain
	}
	return strings.Trim(path.Base(strings.ReplaceAll(strings.TrimSpace(name), `\`, "/")), "/.")
}

// redirected is the name at the end of the redirects, if it is that of a medium.
func (p *page) redirected() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end == nil {
		return ""
	}
	name := path.Base(p.end.Path)
	if _, known := media.TypeOf(name); !known {
		return ""
	}
	return name
}

// mostCookies is how many cookies of one host are kept.
const mostCookies = 20

// remember keeps cookies for the host that set them.
func (p *page) remember(at *url.URL, cookies []*http.Cookie) {
	if len(cookies) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cookies == nil {
		p.cookies = map[string][]*http.Cookie{}
	}
	key := origin(at)
	for _, cookie := range cookies {
		kept := slices.DeleteFunc(p.cookies[key], func(old *http.Cookie) bool { return old.Name == cookie.Name })
		if cookie.MaxAge >= 0 && len(kept) < mostCookies {
			kept = append(kept, cookie)
		}
		p.cookies[key] = kept
	}
}

func (p *page) cookiesFor(at *url.URL) []*http.Cookie {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.cookies[origin(at)])
}

// origin is whom cookies and credentials are for.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

package upload

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// SourceError says why a text is not a source, and what to write instead.
type SourceError struct {
	Text string // without query
	Hint string // "" if the text says it all
}

func (e *SourceError) Error() string { return e.Text }

func unsourced(hint, format string, args ...any) *SourceError {
	return &SourceError{Text: fmt.Sprintf(format, args...), Hint: hint}
}

// CanonicalSource turns a source as a person writes it into the form in which it is
// stored: a path made absolute against dir, a URL with its scheme and host in lower case
// and without a fragment. An error is a *SourceError.
func CanonicalSource(source, dir string) (string, error) {
	if err := miswritten(source); err != nil {
		return "", err
	}
	if IsLocal(source) {
		return canonicalPath(source, dir)
	}
	u, err := url.Parse(source)
	if err != nil {
		return "", unsourced("", "source %q is not a valid URL", DisplaySource(source))
	}
	u.Scheme, u.Host, u.Fragment = strings.ToLower(u.Scheme), hostCase(u), ""
	switch u.Scheme {
	case "https", "http", "s3", "oss":
	default:
		return "", unsourced("", "source %q has the unknown scheme %q; use a path, https, s3 or oss", DisplaySource(source), u.Scheme)
	}
	if u.Host == "" || strings.Trim(u.Path, "/") == "" && (u.Scheme == "s3" || u.Scheme == "oss") {
		return "", unsourced("", "source %q is incomplete; use %s", DisplaySource(source), shapes[u.Scheme])
	}
	return u.String(), nil
}

func canonicalPath(source, dir string) (string, error) {
	path, isURL := strings.CutPrefix(source, "file://")
	if isURL {
		var err error
		if path, err = url.PathUnescape(path); err != nil {
			return "", unsourced("", "source %q is not a valid URL", source)
		}
		if rest, found := strings.CutPrefix(path, "localhost/"); found { // RFC 8089
			path = "/" + rest
		}
	}
	if path == "" {
		return "", unsourced("", "the source is empty")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Clean(path), nil
}

var (
	// aURL is a URL within a text; a slash before it makes it a part of another URL's path.
	aURL = regexp.MustCompile(`(?i)\b(?:https?|s3|oss)://[^\s"'<>|)”»]+`)
	// separated are two URLs in one text. A query may hold a list of URLs, but no blanks.
	separated = regexp.MustCompile(`(?i)^[^?]*[,;]\s*(?:https?|s3|oss)://|[\s|]+(?:https?|s3|oss)://`)
	// schemeless is how web pages refer to other hosts.
	schemeless = regexp.MustCompile(`(?i)^//(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?/.`)
	doubled    = regexp.MustCompile(`(?i)^https?:/*(https?://.+)`)
)

// miswritten finds texts that contain a URL and something else, which no server
// would understand.
func miswritten(source string) error {
	if strings.HasPrefix(source, "//") && schemeless.MatchString(source) {
		whole := DisplaySource("https:" + source)
		return unsourced("for a web address, write "+whole+"; for a share, use the path where it is mounted", "source %q has no scheme", strings.TrimPrefix(whole, "https:"))
	}
	if scheme, rest, found := strings.Cut(source, ":/"); found && !strings.HasPrefix(rest, "/") && shapes[strings.ToLower(scheme)] != "" {
		scheme = strings.ToLower(scheme)
		return unsourced("write "+DisplaySource(scheme+"://"+rest), "source %q has only one slash after %s:", DisplaySource(source), scheme)
	}
	if wellWritten(source) {
		return nil
	}
	at := aURL.FindStringIndex(source)
	if at == nil {
		return nil
	}
	first := source[at[0]:at[1]]
	switch before := source[:at[0]]; {
	case strings.ContainsAny(before, "/\\") && IsLocal(source):
		return nil // a path, or a URL in another one's path
	case at[0] == 0 && separated.MatchString(source):
		return unsourced("use one row for each source", "the source contains more than one URL, the first is %q", DisplaySource(strings.TrimRight(first, ",;")))
	case doubled.MatchString(source):
		return unsourced("write "+DisplaySource(doubled.FindStringSubmatch(source)[1]), "source %q has its scheme twice", DisplaySource(source))
	case strings.ContainsAny(before, "\"'<>=( “„«`"), at[0] == 0 && strings.LastIndexAny(source, `">”»`) >= at[1]:
		return unsourced("use the URL alone: "+DisplaySource(first), "the source contains more than a URL")
	}
	return nil
}

// wellWritten reports without an expression what nearly all sources are: a path, or a
// URL with nothing around it.
func wellWritten(source string) bool {
	scheme, rest, found := strings.Cut(source, "://")
	if !found {
		return true
	}
	_, known := shapes[scheme]
	return known && !strings.Contains(rest, ":/") && !strings.ContainsAny(rest, " \t\r\n\u00a0\"'<>|()“”„«»`")
}

var shapes = map[string]string{
	"https": "https://HOST/PATH",
	"http":  "http://HOST/PATH",
	"s3":    "s3://BUCKET/KEY",
	"oss":   "oss://BUCKET/KEY",
}

// hostCase lowers the host of a URL; bucket names are kept as they are.
func hostCase(u *url.URL) string {
	if u.Scheme == "s3" || u.Scheme == "oss" {
		return u.Host
	}
	return strings.ToLower(u.Host)
}

// IsLocal reports whether source is a path, and not a URL of another scheme.
func IsLocal(source string) bool {
	if strings.HasPrefix(source, "file://") {
		return true
	}
	scheme, _, found := strings.Cut(source, "://")
	return !found || strings.ContainsAny(scheme, `/\.`) || len(scheme) < 2
}

// DisplaySource is source as it may be printed: without query, fragment and
// user information.
func DisplaySource(source string) string {
	if IsLocal(source) {
		return source
	}
	u, err := url.Parse(source)
	if err != nil { // who knows where in it a password stands
		scheme, _, _ := strings.Cut(source, "://")
		return scheme + "://…"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

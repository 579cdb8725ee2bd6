package nearby

import (
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// reading is one way to take a text that was meant otherwise than it says. read
// returns a path, which is relative to the folder where the text is if it is not
// absolute. ok is false where the text says nothing else in this way.
type reading struct {
	why  string // a sentence without its full stop
	read func(text string) (path string, ok bool)
}

var readings = []reading{
	{"", func(text string) (string, bool) { return text, true }},
	{"Remove the quotation marks", func(text string) (string, bool) { return changed(text, bare(text)) }},
	{"Separate folders with / instead of \\", func(text string) (string, bool) {
		return changed(text, strings.ReplaceAll(bare(text), `\`, "/"))
	}},
	{"Percent signs encode characters in URLs only, not in paths", func(text string) (string, bool) {
		plain, err := url.PathUnescape(bare(text))
		return plain, err == nil && plain != bare(text)
	}},
	{"HTML entities such as &amp; are not decoded", func(text string) (string, bool) { return changed(text, html.UnescapeString(text)) }},
	{"Backslashes are part of a name here, and escape nothing", func(text string) (string, bool) {
		return changed(text, strings.ReplaceAll(text, `\`, ""))
	}},
	{"A source does not expand ~", home},
	{"Write file:///PATH or the path alone", func(text string) (string, bool) {
		rest, found := strings.CutPrefix(text, "file:")
		return "/" + strings.TrimLeft(rest, "/"), found
	}},
}

// withoutFolder is for a path that is relative to another folder than it was meant for.
var withoutFolder = reading{"The folder is already part of the path", func(text string) (string, bool) {
	first, rest, found := strings.Cut(strings.ReplaceAll(text, `\`, "/"), "/")
	return rest, found && first != "~"
}}

func changed(before, after string) (string, bool) { return after, after != before && after != "" }

// home resolves a leading tilde.
func home(text string) (string, bool) {
	rest, found := strings.CutPrefix(text, "~/")
	folder, err := os.UserHomeDir()
	return filepath.Join(folder, rest), found && err == nil
}

// bare is a text without blanks and quotation marks around it.
func bare(text string) string {
	return strings.Trim(strings.TrimFunc(text, blank), quotes+" ")
}

const quotes = "\"'`´‘’‚‛“”„‟«»‹›"

var (
	address = regexp.MustCompile(`(?i)\b(?:https?|s3|oss)://[^\s"'<>|)]+`)
	host    = regexp.MustCompile(`(?i)^(?:www\.[a-z0-9.-]+|(?:[a-z0-9-]+\.)+(?:com|net|org|io|cloud|app|dev|shop|store|eu|de|fr|uk|cn|example|info|biz|co))$`)
	// variable is one of a shell, or of Windows.
	variable = regexp.MustCompile(`^(?:\$\w|\$\{\w|%\w+%)`)
	// twoFiles are names of media with a word or a sign between them.
	twoFiles = regexp.MustCompile(`(?i)\.(?:jpe?g|png|gif|webp|bmp|tiff?|heic|avif|svg|mp4|mov|pdf)[ +&/].*\.[a-z0-9]{2,4}$`)
	drive    = regexp.MustCompile(`(?i)^[a-z]:`)
)

// foreign is the hint for a text that is no path of this host; "" if it may be one.
func foreign(folder, rest string) string {
	text := bare(rest)
	first, path, _ := strings.Cut(text, "/")
	lower := strings.ToLower(text)
	switch {
	case strings.Contains(text, "://") && address.MatchString(text):
		return "" // a URL has a check of its own
	case strings.HasPrefix(lower, "https:"), strings.HasPrefix(lower, "http:"), strings.HasPrefix(lower, "s3:"), strings.HasPrefix(lower, "oss:"):
		scheme, rest, _ := strings.Cut(text, ":")
		return "for a URL, write " + plainURL(strings.ToLower(scheme)+"://"+strings.TrimLeft(rest, "/"))
	case strings.HasPrefix(lower, "data:"):
		return "save the data as a file, and use its path"
	case path != "" && strings.Contains(first, ".") && host.MatchString(first):
		return "for a web address, write " + plainURL("https://"+text)
	case drive.MatchString(text), folder == "/" && drive.MatchString(strings.TrimPrefix(text, "/")):
		return windowsPath(strings.TrimPrefix(text, "/"))
	}
	return ""
}

// windowsPath is the hint for a path with a drive.
func windowsPath(text string) string {
	hint := "this is a Windows path; use a path of the host that reads the file, for example /srv/media/a.jpg"
	rest := strings.TrimLeft(strings.ReplaceAll(text[2:], `\`, "/"), "/")
	mounted := "/mnt/" + strings.ToLower(text[:1])
	if info, err := os.Stat(mounted); err == nil && info.IsDir() && rest != "" { // as the Windows Subsystem for Linux mounts drives
		hint = "this is a Windows path; here it is " + mounted + "/" + rest
	}
	return hint
}

// unusual is the hint for a path that this host may have, but hardly has; or "".
func unusual(text string) string {
	switch {
	case strings.HasPrefix(text, "~"):
		return "a source does not expand ~; write the whole path of the home folder"
	case variable.MatchString(text):
		return "a source does not expand variables; write the whole path"
	case strings.Contains(text, `\`):
		return "separate folders with /, and check the path"
	}
	return ""
}

// plainURL is a URL as it may be printed.
func plainURL(text string) string { return upload.Visible(upload.DisplaySource(text)) }

// Package links owns the paths of the operators' page: of an upload, a batch and an
// account. It refuses to know where the page is served, and what it shows.
package links

import (
	"net/url"
	"strings"
)

// Item is the path of an upload. Its ID may have any slashes and dots; those that a browser
// would resolve are escaped.
func Item(id string) string {
	var b strings.Builder
	b.WriteString("/items")
	for i, segment := range strings.Split(id, "/") {
		if i > 0 && (segment == "" || segment == "." || segment == "..") {
			b.WriteString("%2F" + segment)
			continue
		}
		b.WriteString("/" + url.PathEscape(segment))
	}
	return b.String()
}

// Picture is the path of a thumbnail of what an upload sent.
func Picture(id string) string { return "/pictures" + strings.TrimPrefix(Item(id), "/items") }

// Listed is the path of what the vendor of an upload lists.
func Listed(id string) string { return "/listed" + strings.TrimPrefix(Item(id), "/items") }

// Batch is the path of a batch.
func Batch(id string) string { return "/batches/" + url.PathEscape(id) }

// Account is the path of an account.
func Account(name string) string { return "/accounts/" + url.PathEscape(name) }

// Package upload is the vocabulary of mediaferry: items, sessions, parts,
// receipts, media, states, error kinds, results, and the names by which
// workflows and activities find each other.
//
// It holds values and pure rules only. It opens nothing, sends nothing, keeps no
// clock, and imports nothing but the standard library, so that workflow code may
// use all of it.
package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Item is one row of a manifest, or one SOURCE of the command upload: one
// medium for one account. It is the input of an upload's workflow, complete in
// itself; whoever makes one has checked it against the vendor's fields.
type Item struct {
	UploadID string `json:"upload_id"`
	Batch    string `json:"batch,omitempty"`
	ID       string `json:"id"`
	Line     int    `json:"line,omitempty"`
	Account  string `json:"account"`
	Vendor   string `json:"vendor"`
	// Base is the base URL that the account had when the upload was started;
	// empty: whatever it is. An account that is at another one by then, as in the
	// configuration of another worker, is not the one that was meant.
	Base string `json:"base,omitempty"`

	// Source is where the bytes are, canonical: an absolute path, or an https:,
	// s3: or oss: URL. It may hold a query with a signature and is therefore
	// never logged or printed as it is; see DisplaySource.
	Source string `json:"source"`
	// Queue is the task queue whose workers can read Source; empty for sources
	// that every worker can read.
	Queue string `json:"queue,omitempty"`

	ContentType string `json:"content_type,omitempty"` // declared; empty: taken from the bytes
	SHA256      string `json:"sha256,omitempty"`       // what the bytes must be, lower-case hex; empty: not known
	Fields      Fields `json:"fields,omitempty"`       // the vendor's own request fields, by the vendor's names

	// Again runs an item once more that is ready already.
	Again bool `json:"again,omitempty"`
	// Settle is how long a local source must have been left alone before it is
	// taken; 0 refuses one that is seen to grow.
	Settle time.Duration `json:"settle,omitempty"`
	// Bandwidth is bytes per second that each worker sends for the item; 0: no limit.
	Bandwidth int64 `json:"bandwidth,omitempty"`
	// Patience is how long outages are waited out; nil: as long as the item's batch or
	// account says.
	Patience *time.Duration `json:"patience,omitempty"`
	// Resume is where the item goes on, if it was on its way before.
	Resume *Resume `json:"resume,omitempty"`
	// Given are the cells of a manifest's row as a person gave them, where they cannot
	// be made again of the fields above.
	Given []Given `json:"given,omitempty"`
	// Incomplete says that the row was refused together with its manifest. Such an
	// item is never sent: what was wrong is missing in the fields above.
	Incomplete bool `json:"incomplete,omitempty"`
}

// Given is one cell of a manifest's row as a person gave it. It may hold a signed
// URL.
type Given struct {
	Column string `json:"column"`
	Text   string `json:"text"`
	JSON   bool   `json:"json,omitempty"` // a value of JSON Lines that is no string
}

// Local reports whether the item's source is a path on one host.
func (i Item) Local() bool { return IsLocal(i.Source) }

// BatchUploadID names the row id of a batch.
func BatchUploadID(batch, id string) string { return "batch/" + batch + "/" + id }

// BatchOf is the batch in an upload ID; "" where it belongs to none.
func BatchOf(uploadID string) string {
	rest, found := strings.CutPrefix(uploadID, "batch/")
	if !found {
		return ""
	}
	batch, _, _ := strings.Cut(rest, "/")
	return batch
}

// SingleUploadID names an upload that belongs to no batch.
func SingleUploadID(account, id string) string { return "upload/" + account + "/" + id }

// CheckID says what is wrong with an identity given by a person: it becomes
// part of a workflow ID, a line of a report and an argument of a shell.
func CheckID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("the id must not be empty")
	case len(id) > 200:
		return fmt.Errorf("the id has %d bytes but must have at most 200", len(id))
	case strings.ContainsFunc(id, func(r rune) bool { return r == 0xfffd || !unicode.IsPrint(r) }):
		return fmt.Errorf("id %q contains a character that cannot be printed", id)
	case strings.HasPrefix(id, "line#"):
		return fmt.Errorf("id %q begins with line#, which names rows without a valid id", id)
	case strings.Trim(id, " ") != id:
		return fmt.Errorf("id %q begins or ends with a space", id)
	case strings.Contains(id, "://") && strings.ContainsAny(id, `?#`):
		return fmt.Errorf("id %q is a URL with a query or a fragment", id)
	}
	return nil
}

// DeriveID makes the identity of an item that was given none: 32 hex digits
// over the account, the canonical source and the vendor's fields. A URL that is
// signed anew keeps its identity, because the parts of its query that sign it
// do not count.
func DeriveID(account, source string, fields Fields) string {
	if len(fields) == 0 {
		fields = nil // as it comes back from a history or the ledger
	}
	h := sha256.New()
	parts := []any{account, unsigned(source), fields}
	canonical, err := json.Marshal(parts)
	if err != nil { // a field of a type that no vendor has: any text of it will do
		canonical = fmt.Appendf(nil, "%v", parts)
	}
	h.Write(canonical)
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// Definition is a digest of what an item asks for. Two runs of one identity
// with different definitions are different work.
func (i Item) Definition() string {
	return DeriveID(i.Account, i.Source, i.Fields)
}

// beyondPath reports what a URL of a host and a plain path has not: with nothing of it, a
// canonical URL is written as it is read.
func beyondPath(r rune) bool {
	return r > '~' || r != '/' && r != '.' && r != '-' && r != '_' && r != ':' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// unsigned drops what changes each time when a URL is signed.
func unsigned(source string) string {
	if IsLocal(source) || strings.HasPrefix(source, "https://") && !strings.ContainsFunc(source, beyondPath) {
		return source
	}
	u, err := url.Parse(source)
	if err != nil {
		return DisplaySource(source)
	}
	query := u.Query()
	for name := range query {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") || strings.HasPrefix(lower, "x-oss-") ||
			strings.HasPrefix(lower, "x-goog-") {
			query.Del(name)
		}
	}
	for mark, names := range signing {
		if !query.Has(mark) {
			continue
		}
		for _, name := range names {
			query.Del(name)
		}
	}
	u.RawQuery, u.User = query.Encode(), nil
	return u.String()
}

// signing are the query parameters that make up a signature, by the one that
// marks it: of S3 (version 2), OSS, CloudFront and Azure.
var signing = map[string][]string{
	"AWSAccessKeyId": {"AWSAccessKeyId", "Signature", "Expires"},
	"OSSAccessKeyId": {"OSSAccessKeyId", "Signature", "Expires", "security-token"},
	"Key-Pair-Id":    {"Key-Pair-Id", "Signature", "Expires", "Policy"},
	"sig":            {"sig", "se", "st", "sp", "sv", "sr", "spr", "sip", "skoid", "sktid", "skt", "ske", "sks", "skv"},
}

// Fields are a vendor's own request fields: strings, booleans, whole numbers
// (as float64, after JSON), lists of strings and objects. An absent field is
// one that is not in the map.
type Fields map[string]any

// String returns the text of a field, or "" where it is absent.
func (f Fields) String(name string) string {
	s, _ := f[name].(string)
	return s
}

// Bool returns the truth of a field and whether it is there.
func (f Fields) Bool(name string) (value, present bool) {
	value, present = f[name].(bool)
	return value, present
}

// Int returns a whole number and whether it is there.
func (f Fields) Int(name string) (value int64, present bool) {
	switch n := f[name].(type) {
	case float64:
		return int64(n), true
	case int64:
		return n, true
	case int:
		return int64(n), true
	}
	return 0, false
}

// Strings returns the members of a list field.
func (f Fields) Strings(name string) []string {
	switch list := f[name].(type) {
	case []string:
		return list
	case []any:
		out := make([]string, 0, len(list))
		for _, member := range list {
			if s, ok := member.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// Object returns an object field, or nil where it is absent.
func (f Fields) Object(name string) map[string]any {
	o, _ := f[name].(map[string]any)
	return o
}

package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Ledger is what the vendors would tell an auditor: everything that was opened
// or received, and what should not have been sent.
type Ledger struct {
	Media      []Medium    `json:"media"`
	Violations []Violation `json:"violations"`
}

// Medium is one thing that a vendor keeps an account of: what a session was opened
// for, or what was created without one.
type Medium struct {
	Vendor  string `json:"vendor"`
	Account string `json:"account"` // the name of the set of credentials
	// MediaID is what the vendor calls the finished medium; empty until it does.
	MediaID string `json:"media_id"`
	// UploadID names the session; empty where there is none.
	UploadID string `json:"upload_id,omitempty"`
	// Name is the file name that the client gave.
	Name string `json:"name"`
	// Key is where storage has it.
	Key string `json:"key,omitempty"`
	// Fields are the vendor's own request fields, as they came.
	Fields map[string]any `json:"fields,omitempty"`
	// State is in the vendor's words; Visible says that a person would see it
	// there.
	State   string `json:"state"`
	Visible bool   `json:"visible"`
	Reason  string `json:"reason,omitempty"`
	// Size and checksums are of the bytes as they were received, whole.
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256,omitempty"`
	CRC64       string `json:"crc64,omitempty"`
	ETag        string `json:"etag,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	URL         string `json:"url,omitempty"`
	// Received is how many whole bodies were stored for it, parts apart.
	Received  int    `json:"received"`
	Parts     []Part `json:"parts,omitempty"`
	Completes int    `json:"completes,omitempty"` // accepted calls of complete
	Callbacks int    `json:"callbacks,omitempty"` // that the vendor's backend took
	// Processed is what the vendor made of it, if that is something else.
	Processed  *Processed `json:"processed,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	ReceivedAt *time.Time `json:"received_at,omitempty"`
}

// Part is one part of a medium as storage has it.
type Part struct {
	Number   int    `json:"number"`
	Received int    `json:"received"` // how many times it was stored
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256,omitempty"`
	ETag     string `json:"etag"`
}

// Processed is what a vendor made of the bytes.
type Processed struct {
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
}

// Of returns the media of one vendor.
func (l Ledger) Of(vendor string) []Medium {
	return slices.DeleteFunc(slices.Clone(l.Media), func(m Medium) bool { return m.Vendor != vendor })
}

// Duplicates returns groups of media of one vendor that a person would see twice:
// visible, with the same bytes, name and fields.
func (l Ledger) Duplicates() [][]Medium {
	type sameness struct{ vendor, sha, name, fields string }
	groups := map[sameness][]Medium{}
	for _, m := range l.Media {
		if m.Visible && m.SHA256 != "" {
			k := sameness{m.Vendor, m.SHA256, m.Name, flat(m.Fields)}
			groups[k] = append(groups[k], m)
		}
	}
	var out [][]Medium
	for _, g := range groups {
		if len(g) > 1 {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b []Medium) int { return a[0].CreatedAt.Compare(b[0].CreatedAt) })
	return out
}

// flat writes fields so that they can be compared.
func flat(fields map[string]any) string {
	b, err := json.Marshal(fields) // in the order of names
	if err != nil {
		return fmt.Sprint(fields)
	}
	return string(b)
}

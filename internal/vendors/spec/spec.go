// Package spec describes a vendor as data: its fields, settings and credentials,
// the media that it takes, its limits and its pace, and the calls of its flow.
// It checks rows and accounts against that, and makes no call.
package spec

import (
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Spec describes a vendor as data: for the command line's help, for checking
// rows before any request, and for the pace of its calls.
type Spec struct {
	Name  string // as in configuration and manifests
	Title string // as the vendor writes itself
	Docs  string // where its documentation is, with the day it was read
	Flow  string // the steps in one line

	BaseURL  string
	LoginURL string // where it differs from BaseURL; "" otherwise

	Fields   []Field
	Settings []Setting
	// Credentials lists the sets of settings of which an account needs one.
	Credentials []Credentials
	Keys        Keys
	// Probe is a call that changes nothing and succeeds with good credentials only; nil
	// if the vendor documents none.
	Probe *Probe

	// Calls are those of the vendor's flow, in the order of an upload.
	Calls []Call

	// NameField is the field that renames the medium. NeedsExtension requires the name
	// to end in the extension of its type.
	NameField      string
	NeedsExtension bool

	Takes []Range // the media that it takes
	Parts *upload.PartLimits

	Rate float64 // requests per second, where Quotas set no pace; 0: no limit
	// Quotas are how many requests a key may make within windows. They count until the
	// vendor has told others; see wire.Permits.
	Quotas []upload.Quota
	Burst  int // requests at once, at the pace that Rate or Quotas set

	// Policy is what the order of steps depends on. Sources has the source of each fact
	// that is stated: a URL, or "assumed" and an ID.
	Policy  upload.Policy
	Sources map[Fact]string

	// Packing says which media may share a workflow; nil if each needs its own.
	Packing *Packing

	// Prehash reads a source to its end before the session is opened, because the
	// session, or the search after a lost answer, needs its SHA-256.
	Prehash bool
	// KeyGrace is how long a changed key may still be refused.
	KeyGrace time.Duration

	// Check finds problems that no single field shows.
	Check func(fields upload.Fields) []Problem
	// Serial is what only one item at a time may change; nil if items do not get in
	// each other's way.
	Serial *Serial
	// Advise returns warnings about an account's settings.
	Advise func(settings map[string]string) []string
}

// Serial describes what only one item at a time may change at a vendor, such as
// the list of a product's images.
type Serial struct {
	// Key is the same for all items that change the same thing.
	Key func(account Account, fields upload.Fields) string
	// Noun is what a key stands for, in messages: product. KnownBy is the field by
	// which people know it.
	Noun, KnownBy string
	// LastField is the boolean field of an item that goes after all others of its key;
	// a batch may have one such item for each key. LastNoun is what that item is. Both
	// are "" if the order does not matter.
	LastField, LastNoun string
}

// SerialKey is the key of what an item changes, and whether the item goes after all
// others with that key; "" if its vendor has none.
func (s *Spec) SerialKey(account Account, fields upload.Fields) (key string, last bool) {
	if s.Serial == nil {
		return "", false
	}
	last, _ = fields.Bool(s.Serial.LastField)
	return s.Serial.Key(account, fields), last
}

// Range is media types with a common limit.
type Range struct {
	Types    []string
	MaxBytes int64  // of a medium; an account's max_bytes may change it
	Setting  string // of the account, that must be on; "" for always
}

// Packing says which of a vendor's media may share a workflow. Every step of such a
// vendor can be repeated, or the vendor can be asked what became of it.
type Packing struct {
	Types string // the beginning of the media types that may
	// Resend says that bytes may be sent to the same session again without asking
	// whether they arrived: they overwrite what is there.
	Resend bool
}

// Packs reports whether a medium may share a workflow with others: its vendor allows
// that for its type, and it is small.
func (s *Spec) Packs(c upload.Content) bool {
	return s.Packing != nil && strings.HasPrefix(c.Type, s.Packing.Types) && c.Size <= upload.PackedMost
}

// Field returns the field of a name.
func (s *Spec) Field(name string) (Field, bool) {
	for _, one := range s.Fields {
		if one.Name == name {
			return one, true
		}
	}
	return Field{}, false
}

// FieldNames lists the vendor's fields.
func (s *Spec) FieldNames() []string {
	names := make([]string, 0, len(s.Fields))
	for _, f := range s.Fields {
		names = append(names, f.Name)
	}
	return names
}

// Seconds are waits of so many seconds each.
func Seconds(n ...int) []time.Duration {
	waits := make([]time.Duration, len(n))
	for i, s := range n {
		waits[i] = time.Duration(s) * time.Second
	}
	return waits
}

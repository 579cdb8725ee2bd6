package vendors

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Spec describes a vendor as data: for the command line's help, for checking
// rows before any request, and for the pace of its calls.
type Spec struct {
	Name  string // as in configuration and manifests: trustana
	Title string // as the vendor writes itself
	Docs  string // where its documentation is, with the day it was read
	Flow  string // the steps in one line

	BaseURL  string
	LoginURL string // where it differs from BaseURL; "" otherwise

	Fields   []Field
	Settings []Setting
	// Credentials lists the sets of settings of which an account needs one.
	Credentials [][]string

	// NameField is the field that renames the medium, and NeedsExtension says that
	// the name must end in the extension of its type.
	NameField      string
	NeedsExtension bool

	Takes []Range // the media that it takes
	Parts *upload.PartLimits

	Rate  float64 // requests per second unless the account says otherwise; 0: no limit
	Burst int
	// DailyLimit is how many requests a key may make in a day; 0: no limit known.
	DailyLimit int64

	// Poll is how often to look, and for how long.
	Poll upload.Schedule
	// Unseen is the vendor's word for a session whose bytes it has not noticed;
	// after UnseenFor they should be sent again.
	Unseen    string
	UnseenFor time.Duration

	// Packing says how media may travel with others; nil where each needs a
	// workflow of its own.
	Packing *Packing

	// Prehash reads a source through before the session is opened, because the
	// session, or the search for a lost answer, needs its SHA-256.
	Prehash bool
	// KeyGrace is how long a changed key may still be refused.
	KeyGrace time.Duration

	// Check looks at what no single field can tell: the whole of the fields.
	Check func(fields upload.Fields) []Problem
	// Lane names what must be entered by one item at a time, and whether this
	// one goes last; nil where items do not mind each other.
	Lane func(account Account, fields upload.Fields) (lane string, last bool)
	// Advise returns warnings about an account's settings.
	Advise func(settings map[string]string) []string
}

// Range is media types with a common limit.
type Range struct {
	Types    []string
	MaxBytes int64  // of a medium; an account's max_bytes may change it
	Setting  string // of the account, that must be on; "" for always
}

// Packing says how a vendor's media may travel many in one workflow. That is for
// vendors whose every step may be repeated, or be found out about.
type Packing struct {
	Types string // the beginning of the media types that may
	// Resend says that bytes may be sent to the same session again without a look
	// whether they arrived: what is there is replaced by the same.
	Resend bool
}

// Packs reports whether a medium may travel with others: it is of a kind for
// which its vendor allows that, and small.
func (s *Spec) Packs(c upload.Content) bool {
	return s.Packing != nil && strings.HasPrefix(c.Type, s.Packing.Types) && c.Size <= upload.PackedMost
}

// Setting is one of an account's settings in the configuration.
type Setting struct {
	Name    string
	Doc     string
	Secret  bool
	Default string
	Choices []string // of a setting that takes one of several words
}

// Setting returns the setting of a name.
func (s *Spec) Setting(name string) (Setting, bool) {
	for _, one := range s.Settings {
		if one.Name == name {
			return one, true
		}
	}
	return Setting{}, false
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

// CheckSettings says what is wrong with an account's settings: nothing is
// returned where one whole set of credentials is there.
func (s *Spec) CheckSettings(settings map[string]string) error {
	sets := s.Credentials
	if _, chooses := s.Setting("auth"); chooses {
		basic := settings["auth"] == "basic"
		sets = slices.DeleteFunc(slices.Clone(sets), func(set []string) bool { return slices.Contains(set, "password") != basic })
	}
	var wanted []string
	for _, set := range sets {
		missing := slices.DeleteFunc(slices.Clone(set), func(name string) bool { return settings[name] != "" })
		if len(missing) == 0 {
			return nil
		}
		wanted = append(wanted, strings.Join(set, " and "))
	}
	err := fmt.Errorf("no complete credentials for %s, want %s", s.Name, strings.Join(wanted, ", or "))
	if len(sets) < len(s.Credentials) {
		err = fmt.Errorf("%w (auth is %s)", err, cmp.Or(settings["auth"], s.defaultOf("auth")))
	}
	return err
}

func (s *Spec) defaultOf(setting string) string {
	one, _ := s.Setting(setting)
	return one.Default
}

// CheckContent says what is wrong with a medium for an account of this vendor:
// its type, its size.
func (s *Spec) CheckContent(content upload.Content, account Account) error {
	if content.Size < 1 {
		return invalid("an empty medium is none")
	}
	if content.Type == "image/heic" || content.Type == "image/heif" {
		return invalid("%s takes no HEIC", s.Name).
			WithHint("convert it to JPEG first, for example with: heif-convert -q 92 IN.heic OUT.jpg")
	}
	var types []string
	for _, r := range s.Takes {
		off := r.Setting != "" && !account.On(r.Setting)
		if !slices.Contains(r.Types, content.Type) {
			if !off {
				types = append(types, r.Types...)
			}
			continue
		}
		if off {
			return invalid("%s takes %s only where the account sets %s: true", s.Name, content.Type, r.Setting)
		}
		return s.checkSize(content.Size, r.MaxBytes, account.MaxBytes)
	}
	return invalid("%s takes no %s, want one of %s", s.Name, content.Type, strings.Join(types, ", "))
}

// CheckName holds the name that an item asks for against the bytes that its
// source begins with, as the source's own name was. Without such a name there is
// nothing to be wrong.
func (s *Spec) CheckName(item upload.Item, head []byte) error {
	if s.NameField == "" {
		return nil
	}
	name := item.Fields.String(s.NameField)
	if name == "" {
		return nil
	}
	found, err := media.Check(head, name, item.ContentType)
	if err != nil {
		return err
	}
	if _, known := media.TypeOf(name); !known && s.NeedsExtension {
		return invalid("%s %q has no extension of an image", s.NameField, name).
			WithHint("the bytes are %s: end it in %s", found.Type, found.Type.Extension())
	}
	return nil
}

func (s *Spec) checkSize(size, most, configured int64) error {
	if configured > 0 {
		most = configured
	}
	if size > most {
		return invalid("%d bytes are more than the %d that %s takes", size, most, s.Name).
			WithHint("the account's max_bytes changes the limit")
	}
	return nil
}

func invalid(format string, args ...any) *upload.Error {
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, format, args...)
}

package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Settings are the switches of the vendors; they can be changed while the sandbox
// runs. Durations of a grant or a token hold for those handed out afterwards.
type Settings struct {
	vendors []vendorSettings // in the order of the registry
	// TerminalPolls is how many answers with a final state a medium may be asked
	// for before another question is a violation.
	TerminalPolls int
}

type vendorSettings struct {
	name string
	Switches
}

// Switches are the settings of one vendor: a pointer to a struct that has names
// for JSON.
type Switches interface {
	// Clone is a pointer to a copy.
	Clone() Switches
	// Instant does all processing before the answer to the request that ends a
	// transfer.
	Instant()
	// Unlimited takes rate limits away.
	Unlimited()
}

// terminalPolls is how often nobody minds.
const terminalPolls = 2

// NewSettings are the defaults of these vendors.
func NewSettings(vendors []Vendor) Settings {
	s := Settings{TerminalPolls: terminalPolls}
	for _, v := range vendors {
		s.vendors = append(s.vendors, vendorSettings{v.Name(), v.Defaults()})
	}
	return s
}

// In returns the settings of the vendor that has this type of them, to be read or
// changed. A sandbox has them all; asking for a type that no vendor has panics.
func In[T any](s *Settings) *T {
	for _, v := range s.vendors {
		if t, ok := v.Switches.(any).(*T); ok {
			return t
		}
	}
	panic(fmt.Sprintf("no vendor has settings of type %T", *new(T))) //nolint:forbidigo // a programmer's mistake
}

// SettingsOf are those of a vendor that are in force.
func SettingsOf[T any](w *World) T {
	s := w.Settings()
	return *In[T](&s)
}

// Copy shares nothing that changes.
func (s Settings) Copy() Settings {
	s.vendors = slices.Clone(s.vendors)
	for i := range s.vendors {
		s.vendors[i].Switches = s.vendors[i].Clone()
	}
	return s
}

// Instant returns the settings with all processing done at once: before the
// answer to the request that ends a transfer.
func (s Settings) Instant() Settings {
	s = s.Copy()
	for _, v := range s.vendors {
		v.Instant()
	}
	return s
}

// Unlimited returns the settings without rate limits.
func (s Settings) Unlimited() Settings {
	s = s.Copy()
	for _, v := range s.vendors {
		v.Unlimited()
	}
	return s
}

const pollsField = "terminal_polls"

// MarshalJSON writes an object with a field for each vendor.
func (s Settings) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, v := range s.vendors {
		raw, err := json.Marshal(v.Switches)
		if err != nil {
			return nil, fmt.Errorf("write the settings of %s: %w", v.name, err)
		}
		fmt.Fprintf(&b, "%q:%s,", v.name, raw)
	}
	fmt.Fprintf(&b, "%q:%d}", pollsField, s.TerminalPolls)
	return b.Bytes(), nil
}

// UnmarshalJSON changes what the object names, and takes no other fields than
// there are.
func (s *Settings) UnmarshalJSON(raw []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	changed := s.Copy()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var into any = &changed.TerminalPolls
		if name != pollsField {
			i := slices.IndexFunc(changed.vendors, func(v vendorSettings) bool { return v.name == name })
			if i < 0 {
				return fmt.Errorf("json: unknown field %q", name)
			}
			into = changed.vendors[i].Switches
		}
		dec := json.NewDecoder(bytes.NewReader(fields[name]))
		dec.DisallowUnknownFields()
		if err := dec.Decode(into); err != nil {
			return err
		}
	}
	*s = changed
	return nil
}

// Seconds is a duration of whole seconds.
func Seconds(n int) Duration { return Duration(time.Duration(n) * time.Second) }

package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Setting is one of an account's settings in the configuration.
type Setting struct {
	Name    string
	Doc     string
	Secret  bool
	Default string
	Choices []string // of a setting that takes one of several words
}

// Credentials is a set of settings with which an account can log in.
type Credentials struct {
	Settings []string
	// If names the setting that chooses this set, and Is the value that it must have;
	// "" for a set that is always valid.
	If, Is string
}

// Keys is what a vendor documents about where credentials come from.
type Keys struct {
	Doc    string
	Source string // a URL
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

// Secrets lists the values of an account's secret settings.
func (s *Spec) Secrets(settings map[string]string) []string {
	var values []string
	for _, one := range s.Settings {
		if one.Secret && settings[one.Name] != "" {
			values = append(values, settings[one.Name])
		}
	}
	return values
}

// CredentialNames lists the settings that belong to any set of credentials, each
// once, in alphabetical order.
func (s *Spec) CredentialNames() []string {
	var names []string
	for _, set := range s.Credentials {
		names = append(names, set.Settings...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Required reports whether each account needs a setting.
func (s *Spec) Required(setting string) bool {
	return len(s.Credentials) > 0 && !slices.ContainsFunc(s.Credentials, func(set Credentials) bool {
		return !slices.Contains(set.Settings, setting)
	})
}

// HasAlternatives reports whether an account has one of several sets of credentials by
// which of their settings it has, and not by what a setting says.
func (s *Spec) HasAlternatives() bool {
	return len(s.Credentials) > 1 && slices.ContainsFunc(s.Credentials, func(set Credentials) bool { return set.If == "" })
}

// Selects reports whether a setting chooses between sets of credentials.
func (s *Spec) Selects(setting string) bool {
	return slices.ContainsFunc(s.Credentials, func(set Credentials) bool { return set.If == setting })
}

// Need says in words whether an account needs a setting; "" where it does not. Where
// sets can take each other's place, it names the rest of the setting's set.
func (s *Spec) Need(setting string) string {
	if s.Required(setting) {
		return "required"
	}
	for _, set := range s.Credentials {
		at := slices.Index(set.Settings, setting)
		switch {
		case at < 0:
		case set.If != "":
			return fmt.Sprintf("required if %s is %s", set.If, set.Is)
		case len(set.Settings) == 1:
			return "enough by itself"
		default:
			return "together with " + allOf(slices.Delete(slices.Clone(set.Settings), at, at+1))
		}
	}
	return ""
}

// CredentialWords names the sets of settings of which an account needs one.
func (s *Spec) CredentialWords() string {
	var words []string
	for _, set := range s.Credentials {
		text := set.Words()
		if set.If != "" {
			text += fmt.Sprintf(" (if %s is %s)", set.If, set.Is)
		}
		words = append(words, text)
	}
	return strings.Join(words, "; or ")
}

// Words names the settings of a set: a, b and c.
func (c Credentials) Words() string { return allOf(c.Settings) }

func allOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// CheckSettings requires one complete set of credentials among an account's settings.
// Of several incomplete ones, it asks for the rest of the one that was begun.
func (s *Spec) CheckSettings(settings map[string]string) error {
	var wanted []string
	chosen, half := "", error(nil)
	for _, set := range s.Credentials {
		if set.If != "" {
			word := cmp.Or(settings[set.If], s.defaultOf(set.If))
			if word != set.Is {
				continue
			}
			chosen = fmt.Sprintf(" (%s is %s)", set.If, word)
		}
		missing := slices.DeleteFunc(slices.Clone(set.Settings), func(name string) bool { return settings[name] != "" })
		if len(missing) == 0 {
			return nil
		}
		if len(missing) < len(set.Settings) && half == nil {
			given := slices.DeleteFunc(slices.Clone(set.Settings), func(name string) bool { return settings[name] == "" })
			half = fmt.Errorf("credentials for %s are incomplete%s: %s %s set, but %s %s missing; set %s",
				s.Name, chosen, allOf(given), isOrAre(given), allOf(missing), isOrAre(missing), set.Words())
		}
		wanted = append(wanted, set.Words())
	}
	if half != nil {
		return half
	}
	return fmt.Errorf("credentials for %s are missing; set %s%s", s.Name, strings.Join(wanted, ", or "), chosen)
}

func isOrAre(names []string) string {
	if len(names) == 1 {
		return "is"
	}
	return "are"
}

func (s *Spec) defaultOf(setting string) string {
	one, _ := s.Setting(setting)
	return one.Default
}

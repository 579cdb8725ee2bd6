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

// CheckSettings requires one complete set of credentials among an account's settings.
func (s *Spec) CheckSettings(settings map[string]string) error {
	var wanted []string
	chosen := ""
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
		wanted = append(wanted, strings.Join(set.Settings, " and "))
	}
	return fmt.Errorf("credentials for %s are incomplete; set %s%s", s.Name, strings.Join(wanted, ", or "), chosen)
}

func (s *Spec) defaultOf(setting string) string {
	one, _ := s.Setting(setting)
	return one.Default
}

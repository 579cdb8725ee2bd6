package vendors_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

func TestVendorsAreFoundByName(t *testing.T) {
	for _, name := range vendors.Names() {
		v, err := vendors.Find(name)
		require.NoError(t, err)
		require.Equal(t, name, v.Spec().Name)
		require.Same(t, v.Spec(), v.Spec(), "it is constant")
	}
	_, err := vendors.Find("trustanna")
	require.EqualError(t, err, `unknown vendor "trustanna"; use one of `+strings.Join(vendors.Names(), ", "))
}

func TestEveryFolderOfAVendorIsInTheRegistry(t *testing.T) {
	policies, err := filepath.Glob("*/policy.go")
	require.NoError(t, err)
	var folders []string
	for _, policy := range policies {
		folders = append(folders, filepath.Dir(policy))
	}
	require.ElementsMatch(t, folders, vendors.Names())
	for _, folder := range folders {
		for _, file := range []string{"client.go", "refusals.go", "assumptions.go", "client_test.go"} {
			require.FileExists(t, filepath.Join(folder, file))
		}
	}
}

func TestEverySpecIsComplete(t *testing.T) {
	for _, v := range vendors.All() {
		s := v.Spec()
		t.Run(s.Name, func(t *testing.T) {
			for _, text := range []string{s.Title, s.Docs, s.Flow, s.BaseURL} {
				require.NotEmpty(t, text)
			}
			require.True(t, strings.HasPrefix(s.BaseURL, "https://"))
			require.NotEmpty(t, s.Fields)
			for _, f := range s.Fields {
				require.NotEmpty(t, f.Doc, f.Name)
				require.NotEmpty(t, f.Type, f.Name)
				require.Equal(t, f.Pattern != nil, f.Want != "", f.Name)
				if f.Default != "" {
					require.Contains(t, f.Choices, f.Default)
				}
			}
			for _, setting := range s.Settings {
				require.NotEmpty(t, setting.Doc, setting.Name)
				if setting.Default != "" {
					require.Contains(t, setting.Choices, setting.Default, setting.Name)
				}
			}
			for _, set := range s.Credentials {
				for _, name := range set.Settings {
					_, known := s.Setting(name)
					require.True(t, known, name)
				}
			}
			if s.NameField != "" {
				_, known := s.Field(s.NameField)
				require.True(t, known)
			}
			for _, r := range s.Takes {
				require.Positive(t, r.MaxBytes)
				for _, kind := range r.Types {
					require.NotEmpty(t, media.Type(kind).Extension(), "%s is a type that bytes can be found to be", kind)
				}
				if r.Setting != "" {
					_, known := s.Setting(r.Setting)
					require.True(t, known)
				}
			}
			paced := s.Rate > 0 || slices.ContainsFunc(s.Quotas, upload.Quota.Paces)
			require.Equal(t, paced, s.Burst > 0)
			if s.Policy.Poll.Deadline > 0 {
				require.NotEmpty(t, s.Policy.Poll.Waits)
			}
			_, found := s.Field("nothing")
			require.False(t, found)
			_, found = s.Setting("nothing")
			require.False(t, found)
		})
	}
}

func TestEveryCallSaysWhatARepetitionLeavesBehind(t *testing.T) {
	for _, v := range vendors.All() {
		s := v.Spec()
		t.Run(s.Name, func(t *testing.T) {
			require.NotEmpty(t, s.Calls)
			names := map[string]bool{}
			calls := s.Calls
			if s.Probe != nil && !slices.Contains(calls, s.Probe.Call) {
				calls = append(slices.Clone(calls), s.Probe.Call)
			}
			for _, call := range calls {
				require.NotEmpty(t, call.Name)
				require.False(t, names[call.Name], "%s stands twice", call.Name)
				names[call.Name] = true
				require.NotEmpty(t, call.Step, call.Name)
				require.NotEmpty(t, call.Method, call.Name)
				require.NotEmpty(t, call.Path, call.Name)
				require.Contains(t, spec.Repetitions(), call.Repeat, call.Name)
				requireSource(t, s.Name, call.Source, call.Name)
				if call.Repeat == spec.LeavesDuplicate {
					require.NotEmpty(t, s.Policy.Find.By, "%s makes a duplicate: it must not be repeated without a look", call.Name)
				}
			}
		})
	}
}

func TestAProbeChangesNothing(t *testing.T) {
	for _, v := range vendors.All() {
		s := v.Spec()
		t.Run(s.Name, func(t *testing.T) {
			_, can := v.(vendors.Prober)
			require.Equal(t, can, s.Probe != nil)
			require.NotEmpty(t, s.Keys.Doc)
			requireSource(t, s.Name, s.Keys.Source, "keys")
			if s.Probe == nil {
				return
			}
			require.Equal(t, spec.LeavesNothing, s.Probe.Call.Repeat)
			for _, field := range s.Probe.Fields {
				_, known := s.Field(field)
				require.True(t, known, field)
			}
		})
	}
}

func TestEveryFactHasItsSource(t *testing.T) {
	for _, v := range vendors.All() {
		s := v.Spec()
		t.Run(s.Name, func(t *testing.T) {
			stated := map[spec.Fact]bool{}
			for _, fact := range s.Facts() {
				if fact.Value == "" {
					require.Empty(t, fact.Source, "%s is not stated", fact.Fact)
					continue
				}
				stated[fact.Fact] = true
				requireSource(t, s.Name, fact.Source, string(fact.Fact))
			}
			for fact := range s.Sources {
				require.True(t, stated[fact], "%s is no fact", fact)
			}
			require.True(t, stated[spec.FactBytes])
		})
	}
}

// requireSource wants a URL, or the ID of an assumption in the vendor's own block.
func requireSource(t *testing.T, vendor, source, what string) {
	t.Helper()
	if id := assumption.FindString(source); id != "" {
		block, err := os.ReadFile(vendor + "/assumptions.go")
		require.NoError(t, err)
		require.Contains(t, string(block), "// "+id+": ", "%s", what)
		return
	}
	require.True(t, strings.HasPrefix(source, "https://"), "%s: source %q is neither a URL nor an assumption", what, source)
}

var assumption = regexp.MustCompile(`[A-Z]{2}-[0-9]+[a-z]?`)

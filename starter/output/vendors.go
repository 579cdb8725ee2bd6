package output

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Vendors prints what media the vendors take, a line for each.
func (p Printer) Vendors(specs []*spec.Spec) error {
	rows := [][]string{{"VENDOR", "MEDIA", "UP TO", "FIELDS"}}
	for _, s := range specs {
		for i, r := range s.Takes {
			row := []string{"", mediaWords(r), Size(r.MaxBytes), condition(r)}
			if i == 0 {
				row[0], row[3] = s.Name, strings.Join(s.FieldNames(), ", ")
			}
			rows = append(rows, row)
		}
	}
	return p.Table(rows)
}

// mediaWords are media types, shortened: image/jpeg becomes jpeg.
func mediaWords(r spec.Range) string {
	var words []string
	for _, t := range r.Types {
		_, word, _ := strings.Cut(t, "/")
		words = append(words, strings.TrimPrefix(strings.TrimSuffix(word, "+xml"), "x-"))
	}
	return strings.Join(words, " ")
}

// condition is on which condition a vendor takes media; "" for always.
func condition(r spec.Range) string {
	if r.Setting == "" {
		return ""
	}
	return "if the account has " + r.Setting + ": true"
}

// Vendor prints a vendor's fields, media and settings.
func (p Printer) Vendor(s *spec.Spec) error {
	if _, err := fmt.Fprintf(p.Out, "%s: %s\n%s\n\nfields\n", s.Title, s.Flow, s.Docs); err != nil {
		return err
	}
	var rows [][]string
	for _, f := range s.Fields {
		doc := f.Doc
		if len(f.Choices) > 0 {
			doc += "; one of " + strings.Join(f.Choices, ", ")
		}
		if f.Required {
			doc += "; required"
		}
		rows = append(rows, []string{"  " + f.Name, string(f.Type), doc})
	}
	if err := p.Table(rows); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.Out, "\nmedia"); err != nil {
		return err
	}
	rows = nil
	for _, r := range s.Takes {
		rows = append(rows, []string{"  up to " + Size(r.MaxBytes), strings.Join(r.Types, ", "), condition(r)})
	}
	if err := p.Table(rows); err != nil {
		return err
	}
	return p.account(s)
}

// account prints the settings of a vendor's accounts, what of them is required, and
// where they come from.
func (p Printer) account(s *spec.Spec) error {
	if _, err := fmt.Fprintf(p.Out, "\naccount (base_url, by default %s)\n", s.BaseURL); err != nil {
		return err
	}
	var rows [][]string
	for _, setting := range s.Settings {
		doc := setting.Doc
		if setting.Default != "" {
			doc += "; default " + setting.Default
		}
		if need := s.Need(setting.Name); need != "" {
			doc += "; " + need
		}
		rows = append(rows, []string{"  " + setting.Name, doc})
	}
	if err := p.Table(rows); err != nil {
		return err
	}
	keys := "\nkeys\n"
	if len(s.Credentials) > 1 {
		keys += "  an account needs " + s.CredentialWords() + "\n"
	}
	_, err := fmt.Fprintf(p.Out, "%s  %s\n  %s\n  to add an account: mediaferry account add %s --vendor %s\n", keys, s.Keys.Doc, s.Keys.Source, s.Name, s.Name)
	return err
}

// vendorLine is a vendor as `vendors --json` prints it.
type vendorLine struct {
	Vendor  string      `json:"vendor"`
	Title   string      `json:"title"`
	Flow    string      `json:"flow"`
	Docs    string      `json:"docs"`
	BaseURL string      `json:"base_url"`
	Media   []mediaLine `json:"media"`
	Fields  []fieldLine `json:"fields"`
	// Settings are those of an account, and Credentials the sets of them of which it
	// needs one.
	Settings    []settingLine `json:"settings"`
	Credentials [][]string    `json:"credentials"`
	Keys        string        `json:"keys"`
	KeysDocs    string        `json:"keys_docs"`
}

type settingLine struct {
	Name     string   `json:"name"`
	Required bool     `json:"required"`
	Secret   bool     `json:"secret"`
	Default  string   `json:"default,omitempty"`
	Choices  []string `json:"choices,omitempty"`
	Doc      string   `json:"doc"`
}

type mediaLine struct {
	Types    []string `json:"types"`
	MaxBytes int64    `json:"max_bytes"`
	Setting  string   `json:"setting,omitempty"`
}

type fieldLine struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Required bool     `json:"required"`
	Choices  []string `json:"choices,omitempty"`
	Doc      string   `json:"doc"`
}

// VendorObjects prints vendors as JSON, a line for each.
func (p Printer) VendorObjects(specs []*spec.Spec) error {
	for _, s := range specs {
		line := vendorLine{Vendor: s.Name, Title: s.Title, Flow: s.Flow, Docs: s.Docs, BaseURL: s.BaseURL}
		for _, r := range s.Takes {
			line.Media = append(line.Media, mediaLine(r))
		}
		for _, f := range s.Fields {
			line.Fields = append(line.Fields, fieldLine{f.Name, string(f.Type), f.Required, f.Choices, f.Doc})
		}
		for _, one := range s.Settings {
			line.Settings = append(line.Settings, settingLine{one.Name, s.Required(one.Name), one.Secret, one.Default, one.Choices, one.Doc})
		}
		for _, set := range s.Credentials {
			line.Credentials = append(line.Credentials, set.Settings)
		}
		line.Keys, line.KeysDocs = s.Keys.Doc, s.Keys.Source
		if err := p.Object(line); err != nil {
			return err
		}
	}
	return nil
}

// Template prints the columns that a manifest for the vendors may have, the
// required ones first: as the head of a CSV file, or as a line of JSON.
func (p Printer) Template(asJSON bool, specs []*spec.Spec) error {
	columns := []string{"source", "to", "id", "content_type", "sha256"}
	for _, required := range []bool{true, false} {
		for _, s := range specs {
			for _, f := range s.Fields {
				if f.Required == required && !slices.Contains(columns, f.Name) {
					columns = append(columns, f.Name)
				}
			}
		}
	}
	if !asJSON {
		_, err := fmt.Fprintln(p.Out, strings.Join(columns, ","))
		return err
	}
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "%q:%s", c, blankValue(c, specs))
	}
	_, err := fmt.Fprintf(p.Out, "{%s}\n", b.String())
	return err
}

// blankValue is a column's empty value in JSON.
func blankValue(column string, specs []*spec.Spec) string {
	for _, s := range specs {
		if f, ok := s.Field(column); ok {
			switch f.Type {
			case spec.List:
				return "[]"
			case spec.Object:
				return "{}"
			case spec.Boolean, spec.Integer:
				return "null"
			}
		}
	}
	return `""`
}

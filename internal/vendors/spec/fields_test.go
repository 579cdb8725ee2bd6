package spec_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

func specOf(t *testing.T, vendor string) *spec.Spec {
	t.Helper()
	v, err := vendors.Find(vendor)
	require.NoError(t, err)
	return v.Spec()
}

// cells are columns and what stands in them, in the manifest's order.
type cells []string

func parse(s *spec.Spec, c cells) (upload.Fields, []spec.Problem) {
	values := map[string]string{}
	var names []string
	for i := 0; i+1 < len(c); i += 2 {
		names = append(names, c[i])
		values[c[i]] = c[i+1]
	}
	return s.ParseFields(names, values)
}

func many(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint("SKU", i))
	}
	return strings.Join(list, "|")
}

const (
	sitooEntity = "1RT823V93|SKU-001|DAMAGED|51076f94"
	org         = "3NxmYwJ9zKqBvT7cRfPdHa"
	uuid        = "6ca4f0f8-2508-4bac-b8f1-5d1e3da2247a"
)

func TestCellsBecomeFields(t *testing.T) {
	type want = upload.Fields
	cases := []struct {
		name, vendor string
		cells        cells
		want         upload.Fields
	}{
		{"no cell is filled", "trustana", cells{"fileName", "", "skuIds", ""}, want{}},
		{"a text", "trustana", cells{"fileName", " a.jpg"}, want{"fileName": " a.jpg"}},
		{"a list split at bars", "trustana", cells{"skuIds", "SKU123 | SKU456"}, want{"skuIds": []any{"SKU123", "SKU456"}}},
		{"a list of one", "trustana", cells{"skuIds", "SKU123"}, want{"skuIds": []any{"SKU123"}}},
		{"a list as JSON", "trustana", cells{"skuIds", `["SKU|1","SKU,2"]`}, want{"skuIds": []any{"SKU|1", "SKU,2"}}},
		{"a text with bars is no list", "sitoo", cells{"entity_id", sitooEntity}, want{"entity_id": sitooEntity}},
		{"a hundred SKUs", "trustana", cells{"skuIds", many(100)}, nil},
		{"a spreadsheet's TRUE", "trustana", cells{"addToMediaGallery", "TRUE"}, want{"addToMediaGallery": true}},
		{"a spreadsheet's FALSE", "trustana", cells{"addToMediaGallery", "FALSE"}, want{"addToMediaGallery": false}},
		{"a German spreadsheet's true", "closient", cells{"organization_id", org, "gtin", "12345678", "is_primary", "WAHR"}, want{"organization_id": org, "gtin": "12345678", "is_primary": true}},
		{"a yes", "closient", cells{"organization_id", org, "gtin", "12345678", "is_primary", "yes"}, want{"organization_id": org, "gtin": "12345678", "is_primary": true}},
		{"a 0", "closient", cells{"organization_id", uuid, "gtin", "00012345678905", "is_primary", "0"}, want{"organization_id": uuid, "gtin": "00012345678905", "is_primary": false}},
		{"a title of 255 characters, which are more bytes", "closient", cells{"organization_id", org, "gtin", "12345678", "title", strings.Repeat("ä", 255)}, nil},
		{"a whole number", "truvideo", cells{"duration", "76661"}, want{"duration": float64(76661)}},
		{"a number of nothing", "truvideo", cells{"duration", "0"}, want{"duration": float64(0)}},
		{"dotted columns", "truvideo", cells{"tags.brand", "Jeep", "tags.fuel.type", "diesel"}, want{"tags": map[string]any{"brand": "Jeep", "fuel.type": "diesel"}}},
		{"an object as JSON", "truvideo", cells{"metadata", `{"retentionDays":365,"a":{"b":[1]}}`}, want{"metadata": map[string]any{"retentionDays": float64(365), "a": map[string]any{"b": []any{float64(1)}}}}},
		{"an object as JSON and dotted", "truvideo", cells{"tags", `{"a":"1"}`, "tags.b", "2"}, want{"tags": map[string]any{"a": "1", "b": "2"}}},
		{"an object dotted and as JSON", "truvideo", cells{"tags.b", "2", "tags", `{"a":"1"}`}, want{"tags": map[string]any{"a": "1", "b": "2"}}},
		{"a choice", "truvideo", cells{"resolution", "LOW"}, want{"resolution": "LOW"}},
		{"everything of truvideo", "truvideo", cells{"title", "T", "creator", "C", "isLibrary", "true", "includeInReport", "no"}, want{"title": "T", "creator": "C", "isLibrary": true, "includeInReport": false}},
		{"a name for trustoo", "trustoo", cells{"fileName", "x.png"}, want{"fileName": "x.png"}},
	}
	for _, c := range cases {
		t.Run(c.vendor+": "+c.name, func(t *testing.T) {
			fields, problems := parse(specOf(t, c.vendor), c.cells)
			require.Empty(t, problems)
			if c.want != nil {
				require.Equal(t, c.want, fields)
			}
			// What a cell becomes is what JSON makes of it: an item that went
			// through a history is checked, and identified, as the same.
			raw, err := json.Marshal(fields)
			require.NoError(t, err)
			var again upload.Fields
			require.NoError(t, json.Unmarshal(raw, &again))
			require.Equal(t, fields, again)
			require.Empty(t, specOf(t, c.vendor).CheckFields(again, nil))
		})
	}
}

func TestCellsThatAreWrong(t *testing.T) {
	needed := cells{"organization_id", org, "gtin", "12345678"}
	with := func(more ...string) cells { return append(append(cells{}, needed...), more...) }
	cases := []struct {
		name, vendor string
		cells        cells
		field        string
		want         string
	}{
		{"101 SKUs", "trustana", cells{"skuIds", many(101)}, "skuIds", "the list has 101 members but may have at most 100"},
		{"a SKU twice", "trustana", cells{"skuIds", "A|B|A"}, "skuIds", `"A" appears twice`},
		{"a SKU twice, but for its spaces", "trustana", cells{"skuIds", "A| A"}, "skuIds", `"A" appears twice`},
		{"a list with a hole", "trustana", cells{"skuIds", "A||B"}, "skuIds", "the list has an empty member"},
		{"a list that ends in a bar", "trustana", cells{"skuIds", "A|"}, "skuIds", "the list has an empty member"},
		{"a list of numbers", "trustana", cells{"skuIds", `[1]`}, "skuIds", "member 1 is not text"},
		{"a list that is not closed", "trustana", cells{"skuIds", `["A"`}, "skuIds", "is not a JSON array"},
		{"must be true or false", "trustana", cells{"addToMediaGallery", "maybe"}, "addToMediaGallery", `"maybe" must be true or false`},
		{"a field of another vendor", "trustana", cells{"file_name", "x"}, "file_name", "trustana has no such field; use one of skuIds, addToMediaGallery, fileName"},
		{"a field that is spelled otherwise", "trustana", cells{"SKUIDS", "x"}, "SKUIDS", "has no such field"},
		{"a dotted field that is no object", "trustana", cells{"fileName.x", "y"}, "fileName.x", "has no such field"},
		{"a name of 256 characters", "trustana", cells{"fileName", strings.Repeat("ä", 256)}, "fileName", "the text has 256 characters but may have at most 255"},
		{"a name of 256 characters", "trustoo", cells{"fileName", strings.Repeat("x", 256)}, "fileName", "256 characters but"},
		{"an entity that is missing", "sitoo", nil, "entity_id", "is missing; sitoo requires it"},
		{"an entity of another type", "sitoo", cells{"entity_id", "x", "entity_type", "order"}, "entity_type", `"order" is not allowed; use one of shipment_item`},
		{"an entity that is too long", "sitoo", cells{"entity_id", strings.Repeat("x", 1025)}, "entity_id", "at most 1024"},
		{"an organization that is missing", "closient", cells{"gtin", "12345678"}, "organization_id", "is missing; closient requires it"},
		{"a GTIN that is missing", "closient", cells{"organization_id", org}, "gtin", "is missing; closient requires it"},
		{"an organization with a letter that is none", "closient", cells{"organization_id", "0NxmYwJ9zKqBvT7cRfPdHa", "gtin", "12345678"}, "organization_id", "not an organization ID of 22 characters or a UUID"},
		{"an organization that is too short", "closient", cells{"organization_id", org[1:], "gtin", "12345678"}, "organization_id", "22 characters"},
		{"a GTIN that a spreadsheet made a number of", "closient", cells{"organization_id", org, "gtin", "4.00638E+12"}, "gtin", "a spreadsheet may have changed it to a number"},
		{"a GTIN with a decimal comma", "closient", cells{"organization_id", org, "gtin", "4,00638E+12"}, "gtin", "a spreadsheet may have changed it to a number"},
		{"a GTIN that lost its zeros", "closient", cells{"organization_id", org, "gtin", "1234567"}, "gtin", "8 to 14 digits"},
		{"a GTIN of fifteen digits", "closient", cells{"organization_id", org, "gtin", "123456789012345"}, "gtin", "8 to 14 digits"},
		{"a GTIN with hyphens", "closient", cells{"organization_id", org, "gtin", "4006381-333931"}, "gtin", "8 to 14 digits"},
		{"a GTIN with a line's end", "closient", cells{"organization_id", org, "gtin", "12345678\n"}, "gtin", "8 to 14 digits"},
		{"a title in Latin-1", "closient", with("title", "K\xe4se"), "title", "save the manifest as UTF-8"},
		{"a key in Latin-1", "truvideo", cells{"tags.K\xe4se", "x"}, "tags.K\xe4se", "save the manifest as UTF-8"},
		{"a title of 256 characters", "closient", with("title", strings.Repeat("ä", 256)), "title", "the text has 256 characters but may have at most 255"},
		{"a first image that is neither", "closient", with("is_primary", "x"), "is_primary", "must be true or false"},
		{"a duration with a fraction", "truvideo", cells{"duration", "1.5"}, "duration", `"1.5" is not a whole number`},
		{"a duration that is negative", "truvideo", cells{"duration", "-1"}, "duration", "-1 must be a whole number, 0 or more"},
		{"a duration that is absurd", "truvideo", cells{"duration", "99999999999999999999"}, "duration", "is not a whole number"},
		{"a resolution in another case", "truvideo", cells{"resolution", "low"}, "resolution", `"low" is not allowed; use one of LOW, NORMAL, HIGH`},
		{"a creator of 256 characters", "truvideo", cells{"creator", strings.Repeat("x", 256)}, "creator", "at most 255"},
		{"metadata that is the vendor's", "truvideo", cells{"metadata", `{"failureReason":"x"}`}, "metadata", `key "failureReason" is reserved by the vendor`},
		{"metadata that is the vendor's, dotted", "truvideo", cells{"metadata.failureTimestamp", "x"}, "metadata", `key "failureTimestamp" is reserved by the vendor`},
		{"metadata that is too large", "truvideo", cells{"metadata.x", strings.Repeat("x", 2<<20)}, "metadata", "but may have at most 2097152"},
		{"an object that is a list", "truvideo", cells{"tags", `["a"]`}, "tags", "is not a JSON object"},
		{"an object that is nothing", "truvideo", cells{"tags", `null`}, "tags", "is not a JSON object"},
		{"an object that is text", "truvideo", cells{"tags", `brand=Jeep`}, "tags", "is not a JSON object"},
		{"a dotted column without a key", "truvideo", cells{"tags.", "x"}, "tags.", "has no key; use tags.NAME"},
		{"a key that is given twice", "truvideo", cells{"tags", `{"a":"1"}`, "tags.a", "2"}, "tags.a", `key "a" is given twice`},
	}
	for _, c := range cases {
		t.Run(c.vendor+": "+c.name, func(t *testing.T) {
			_, problems := parse(specOf(t, c.vendor), c.cells)
			var found []string
			for _, p := range problems {
				if p.Field == c.field {
					found = append(found, p.Message)
				}
				require.Less(t, len(p.Message), 700, "a cell is not told in full")
			}
			require.Len(t, found, 1, "%v", problems)
			require.Contains(t, found[0], c.want)
		})
	}
}

func TestAllProblemsComeAtOnceInTheOrderOfTheRow(t *testing.T) {
	_, problems := parse(specOf(t, "closient"), cells{"color", "red", "is_primary", "x", "gtin", "12", "size", "XL", "title", strings.Repeat("x", 300)})
	var list []string
	for _, p := range problems {
		list = append(list, p.Field)
		require.Contains(t, p.Error(), p.Field+": ")
	}
	require.Equal(t, []string{"color", "is_primary", "size", "organization_id", "gtin", "title"}, list)
}

// A manifest of JSON Lines gives values as JSON has them.
func TestFieldsOfJSON(t *testing.T) {
	cases := []struct {
		name, vendor, json string
		want               []string
	}{
		{"as they should be", "closient", `{"organization_id":"` + org + `","gtin":"12345678","is_primary":true,"title":""}`, nil},
		{"a GTIN that is a number", "closient", `{"organization_id":"` + org + `","gtin":4006381333931}`, []string{"gtin: 4006381333931 is a number; put it in quotes"}},
		{"a GTIN that is empty", "closient", `{"organization_id":"` + org + `","gtin":""}`, []string{"gtin: is missing"}},
		{"an entity that is empty", "sitoo", `{"entity_id":""}`, []string{"entity_id: is missing"}},
		{"a truth that is text", "closient", `{"organization_id":"` + org + `","gtin":"12345678","is_primary":"true"}`, []string{"is_primary: true is not of type boolean"}},
		{"a text that is a truth", "trustana", `{"fileName":true}`, []string{"fileName: true is not of type text"}},
		{"a list that is text", "trustana", `{"skuIds":"A|B"}`, []string{"skuIds: A|B is not of type list"}},
		{"a list that is a number", "trustana", `{"skuIds":5}`, []string{"skuIds: 5 is not of type list"}},
		{"a list with null", "trustana", `{"skuIds":["A",null]}`, []string{"skuIds: member <nil> is not text"}},
		{"an empty list", "trustana", `{"skuIds":[]}`, nil},
		{"null", "trustana", `{"fileName":null}`, []string{"fileName: <nil> is not of type text"}},
		{"a number with a fraction", "truvideo", `{"duration":1.5}`, []string{"duration: 1.5 must be a whole number, 0 or more"}},
		{"a number that is not exact", "truvideo", `{"duration":1e300}`, []string{"duration: 1"}},
		{"a number that is text", "truvideo", `{"duration":"5"}`, []string{"duration: 5 is not of type integer"}},
		{"an object that is a list", "truvideo", `{"tags":["a"]}`, []string{"tags: [a] is not of type object"}},
		{"reserved metadata", "truvideo", `{"metadata":{"failureReason":1}}`, []string{`metadata: key "failureReason" is reserved`}},
		{"unknown fields, in order", "trustoo", `{"z":1,"a":2}`, []string{"a: trustoo has no such field; use one of fileName", "z: trustoo has no such field"}},
	}
	for _, c := range cases {
		t.Run(c.vendor+": "+c.name, func(t *testing.T) {
			var fields upload.Fields
			require.NoError(t, json.Unmarshal([]byte(c.json), &fields))
			problems := specOf(t, c.vendor).CheckFields(fields, nil)
			require.Len(t, problems, len(c.want), "%v", problems)
			for i, want := range c.want {
				require.Contains(t, problems[i].Error(), want)
			}
		})
	}
}

func TestAListMayHoldAMemberTwiceUnlessItIsUnique(t *testing.T) {
	s := &spec.Spec{Name: "x", Fields: []spec.Field{{Name: "a", Type: spec.List}, {Name: "b", Type: spec.List, Unique: true}}}
	require.Empty(t, s.CheckFields(upload.Fields{"a": []any{"1", "1"}}, nil))
	require.Len(t, s.CheckFields(upload.Fields{"b": []any{"1", "1"}}, nil), 1)
}

func TestAFieldThatWasToldIsNotToldAgain(t *testing.T) {
	s := specOf(t, "closient")
	require.Len(t, s.CheckFields(upload.Fields{}, nil), 2)
	require.Len(t, s.CheckFields(upload.Fields{}, []spec.Problem{{Field: "gtin"}}), 1)
}

func TestTheWholeOfTheFieldsIsCheckedLast(t *testing.T) {
	s := &spec.Spec{Name: "x", Fields: []spec.Field{{Name: "a", Type: spec.Text, Required: true}}, Check: func(upload.Fields) []spec.Problem { return []spec.Problem{{Field: "a", Message: "as a whole"}} }}
	require.Equal(t, []spec.Problem{{Field: "a", Message: "as a whole"}}, s.CheckFields(upload.Fields{"a": "x"}, nil))
	require.Equal(t, "is missing; x requires it", s.CheckFields(upload.Fields{}, nil)[0].Message, "and only where each is well by itself")
}

func FuzzCellsNeverBreakAnything(f *testing.F) {
	for _, s := range []string{"A|B", `["A"]`, `{"a":1}`, "true", "5", "4.00638E+12", "null", `{"a":`} {
		f.Add("skuIds", s)
		f.Add("tags.x", s)
		f.Add("metadata", s)
		f.Add("duration", s)
		f.Add("skuIds", s+"\xff|\xfe")
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		for _, v := range vendors.All() {
			fields, problems := v.Spec().ParseFields([]string{name}, map[string]string{name: text})
			for _, p := range problems {
				if p.Field == name {
					return // refused is fine
				}
			}
			raw, err := json.Marshal(fields)
			require.NoError(t, err)
			var again upload.Fields
			require.NoError(t, json.Unmarshal(raw, &again))
			require.Len(t, v.Spec().CheckFields(again, nil), len(v.Spec().CheckFields(fields, nil)))
		}
	})
}

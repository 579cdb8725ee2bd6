// Package visibility owns the search attributes by which Temporal's list of workflows
// finds uploads and batches: their names, their types, and who has which values.
//
// It refuses everything that could tell more than Temporal may know: attributes are not
// encrypted, so they hold account and vendor names, batch IDs, states, kinds and sizes,
// and never a source, a field or a text of somebody else's. It talks to no service, and
// workflows use it.
package visibility

import (
	"unicode/utf8"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// The search attributes. Setting them is one action, each change another, so an upload
// changes them at most three times and a grouped row has none.
var (
	Account  = temporal.NewSearchAttributeKeyKeyword("MediaferryAccount")
	Vendor   = temporal.NewSearchAttributeKeyKeyword("MediaferryVendor")
	Batch    = temporal.NewSearchAttributeKeyKeyword("MediaferryBatch")
	State    = temporal.NewSearchAttributeKeyKeyword("MediaferryState")    // of an upload or a batch
	Kind     = temporal.NewSearchAttributeKeyKeyword("MediaferryKind")     // of the error, where it failed
	WaitsFor = temporal.NewSearchAttributeKeyKeyword("MediaferryWaitsFor") // only "person": other waits leave no event
	Size     = temporal.NewSearchAttributeKeyInt64("MediaferrySize")       // bytes
)

// Attribute is a search attribute as a namespace has it.
type Attribute struct {
	Name string
	Type enumspb.IndexedValueType
}

// Attributes lists all of them.
func Attributes() []Attribute {
	var all []Attribute
	for _, key := range []temporal.SearchAttributeKey{Account, Vendor, Batch, State, Kind, WaitsFor, Size} {
		all = append(all, Attribute{key.GetName(), key.GetValueType()})
	}
	return all
}

// Declared lists all of them as NAME=TYPE.
func Declared() []string {
	var all []string
	for _, attribute := range Attributes() {
		all = append(all, attribute.Name+"="+attribute.Type.String())
	}
	return all
}

// OfUpload are the attributes of an upload that starts.
func OfUpload(item upload.Item) temporal.SearchAttributes {
	updates := []temporal.SearchAttributeUpdate{
		Account.ValueSet(keyword(item.Account)), Vendor.ValueSet(item.Vendor), State.ValueSet(string(upload.StateWaiting)),
	}
	if item.Batch != "" {
		updates = append(updates, Batch.ValueSet(keyword(item.Batch)))
	}
	return temporal.NewSearchAttributes(updates...)
}

// OfBatch are the attributes of a batch that starts.
func OfBatch(id string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(Batch.ValueSet(keyword(id)), State.ValueSet(string(upload.BatchRunning)))
}

// OfSchedule are the attributes of what makes a batch when its time has come.
func OfSchedule() temporal.SearchAttributes {
	return temporal.NewSearchAttributes(State.ValueSet(string(upload.BatchLoading)))
}

// OfRoute are the attributes of what carries rows of a batch to an account.
func OfRoute(batch string, route upload.Route) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(Batch.ValueSet(keyword(batch)), Account.ValueSet(keyword(route.Account)), Vendor.ValueSet(route.Vendor))
}

// Of are the attributes of a workflow that starts with some arguments; none for one that
// is not listed by them.
func Of(args []any) temporal.SearchAttributes {
	if len(args) == 1 {
		switch in := args[0].(type) {
		case upload.Item:
			return OfUpload(in)
		case upload.BatchRun:
			return OfBatch(in.Batch)
		}
	}
	return temporal.SearchAttributes{}
}

// keywordBytes is what SQL stores take of a keyword: one that is longer would never be
// listed.
const keywordBytes = 255

func keyword(text string) string {
	if len(text) <= keywordBytes {
		return text
	}
	end := keywordBytes
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

package sandboxtest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
)

// SitooEntity is what an image may belong to.
const SitooEntity = "1RT823V93|SKU-001|DAMAGED|51076f94-b531-483c-884b-35ad67afa113"

// SitooToken are the headers of the first credentials.
func SitooToken() Headers { return Headers{"Authorization": "Bearer sandbox-sitoo-token"} }

// SitooOpen opens one upload and gives what the vendor answered.
func SitooOpen(t *testing.T, s *sandbox.Sandbox, name, kind, entity string) map[string]any {
	t.Helper()
	a := SendJSON(t, "POST", s.URL()+"/sitoo/v1/media/upload-url", SitooToken(), fmt.Sprintf(
		`{"file_name":%q,"content_type":%q,"entity_type":"shipment_item","entity_id":%q}`, name, kind, entity))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	return a.JSON(t)
}

// SitooFields are the given fields in a fixed order.
func SitooFields(grant map[string]any) []Field {
	given := grant["fields"].(map[string]any)
	var out []Field
	for _, name := range slices.Sorted(maps.Keys(given)) {
		out = append(out, Field{name, given[name].(string)})
	}
	return out
}

// SitooSend sends the form of an upload.
func SitooSend(t *testing.T, grant map[string]any, fields []Field, kind string, body []byte) Answered {
	t.Helper()
	contentType, r := FormOf(t, fields, File{Part: "file", Name: "damage.jpg", Type: kind, Body: body})
	return Send(t, "POST", grant["upload_url"].(string), Headers{"Content-Type": contentType}, r)
}

// SitooGet asks about an upload.
func SitooGet(t *testing.T, s *sandbox.Sandbox, id any) map[string]any {
	t.Helper()
	a := Send(t, "GET", s.URL()+"/sitoo/v1/media/"+id.(string), SitooToken(), nil)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	return a.JSON(t)
}

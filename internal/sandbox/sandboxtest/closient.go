package sandboxtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
)

// ClosientImages is the path of the images of a product that the sandbox knows.
const ClosientImages = "/closient/dashboard/api/v1/trade-items/SandboxBrand2345678923/12345678905/images"

// ClosientHeader are the headers of the first credentials.
func ClosientHeader() Headers {
	return Headers{"X-API-Key": "csb_SandboxSandboxSandboxSandbox0001_69d3f193"}
}

// ClosientPost sends an image.
func ClosientPost(t *testing.T, s *sandbox.Sandbox, fields []Field, file File) Answered {
	t.Helper()
	file.Part = "image"
	contentType, r := FormOf(t, fields, file)
	h := ClosientHeader()
	h["Content-Type"] = contentType
	return Send(t, "POST", s.URL()+ClosientImages, h, r)
}

// ClosientList lists the images of the product.
func ClosientList(t *testing.T, s *sandbox.Sandbox, query string) map[string]any {
	t.Helper()
	a := Send(t, "GET", s.URL()+ClosientImages+query, ClosientHeader(), nil)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	return a.JSON(t)
}

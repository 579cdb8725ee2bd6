package sandboxtest

import (
	"testing"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/stretchr/testify/require"
)

const ClosientImages = "/closient/dashboard/api/v1/trade-items/SandboxBrand2345678923/12345678905/images"

func ClosientHeader() Headers {
	return Headers{"X-API-Key": "csb_SandboxSandboxSandboxSandbox0001_69d3f193"}
}

func ClosientPost(t *testing.T, s *sandbox.Sandbox, fields []Field, name, kind string, body []byte) Answered {
	t.Helper()
	contentType, r := FormOf(t, fields, "image", name, kind, body)
	h := ClosientHeader()
	h["Content-Type"] = contentType
	return Send(t, "POST", s.URL()+ClosientImages, h, r)
}

func ClosientList(t *testing.T, s *sandbox.Sandbox, query string) map[string]any {
	t.Helper()
	a := Send(t, "GET", s.URL()+ClosientImages+query, ClosientHeader(), nil)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	return a.JSON(t)
}

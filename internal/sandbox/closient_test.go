package sandbox

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const closientImages = "/closient/dashboard/api/v1/trade-items/SandboxBrand2345678923/12345678905/images"

func closientHeader() headers {
	return headers{"X-API-Key": closientKey("SandboxSandboxSandboxSandbox0001")}
}

func closientPost(t *testing.T, s *Sandbox, fields []field, name, kind string, body []byte) answered {
	t.Helper()
	contentType, r := formOf(t, fields, "image", name, kind, body)
	h := closientHeader()
	h["Content-Type"] = contentType
	return send(t, "POST", s.URL()+closientImages, h, r)
}

func closientList(t *testing.T, s *Sandbox, query string) map[string]any {
	t.Helper()
	a := send(t, "GET", s.URL()+closientImages+query, closientHeader(), nil)
	require.Equal(t, 200, a.status, "%s", a.body)
	return a.json(t)
}

func TestClosientTakesAnImageInOneRequest(t *testing.T) {
	s := start(t)
	body := jpegOf(t, 20, 20)
	a := closientPost(t, s, []field{{"title", "Front of package"}, {"is_primary", "true"}}, "front.jpg", "image/jpeg", body)
	require.Equal(t, 201, a.status, "%s", a.body)
	doc := a.json(t)
	require.Regexp(t, `^[2-9A-HJ-NP-Za-km-z]{22}$`, doc["id"])
	require.Equal(t, "Front of package", doc["title"])
	require.Equal(t, true, doc["is_primary"])
	require.EqualValues(t, 0, doc["priority"])
	_, err := time.Parse(time.RFC3339, doc["created"].(string))
	require.NoError(t, err)
	require.Contains(t, doc["image_url"], "/products/00012345678905/")
	require.Equal(t, body, send(t, "GET", doc["image_url"].(string), nil, nil).body)
	noViolations(t, s)
	m := s.Ledger().Of("closient")
	require.Len(t, m, 1)
	require.Equal(t, sum(body), m[0].SHA256)
	require.Equal(t, "front.jpg", m[0].Name)
}

func TestClosientMakesASecondImageOfASecondPost(t *testing.T) {
	s := start(t)
	body := pngOf(t, 4, 4)
	first := closientPost(t, s, []field{{"title", "t"}, {"is_primary", "true"}}, "a.png", "image/png", body).json(t)
	second := closientPost(t, s, []field{{"title", "t"}, {"is_primary", "true"}}, "a.png", "image/png", body).json(t)
	third := closientPost(t, s, []field{{"title", "t3"}}, "a.png", "image/png", body).json(t)
	require.NotEqual(t, first["id"], second["id"])
	require.EqualValues(t, 1, second["priority"])
	require.EqualValues(t, 2, third["priority"])

	list := closientList(t, s, "")
	rows := list["data"].([]any)
	require.Len(t, rows, 3)
	require.Equal(t, second["id"], rows[0].(map[string]any)["id"], "the new primary comes first")
	require.Equal(t, false, rows[1].(map[string]any)["is_primary"], "and demotes the old one")
	require.Len(t, s.Ledger().Duplicates(), 1)

	gone := send(t, "DELETE", s.URL()+closientImages+"/"+second["id"].(string), closientHeader(), nil)
	require.Equal(t, 204, gone.status)
	require.Equal(t, 404, send(t, "DELETE", s.URL()+closientImages+"/"+second["id"].(string), closientHeader(), nil).status)
	for _, row := range closientList(t, s, "")["data"].([]any) {
		require.Equal(t, false, row.(map[string]any)["is_primary"], "nothing is promoted")
	}
	require.Empty(t, s.Ledger().Duplicates())
}

func TestClosientListsInPages(t *testing.T) {
	s := start(t)
	for i := range 5 {
		_, err := s.PutClosientImage("SandboxBrand2345678923", "12345678905", fmt.Sprint(i), false, pngOf(t, 1, 1))
		require.NoError(t, err)
	}
	p := closientList(t, s, "?page=2&page_size=2")
	require.Len(t, p["data"], 2)
	require.Equal(t, map[string]any{
		"page": 2.0, "page_size": 2.0, "total_count": 5.0, "total_pages": 3.0, "has_next": true, "has_previous": true,
	}, p["pagination"])
	require.Len(t, closientList(t, s, "?page=9")["data"], 0)
	require.Equal(t, 422, send(t, "GET", s.URL()+closientImages+"?page_size=101", closientHeader(), nil).status)
}

func TestClosientRefusesWhatItsContractRefuses(t *testing.T) {
	s := start(t, with(func(v *Settings) {
		v.Closient.Organizations = append(v.Closient.Organizations, "ReadBrand2345678923456")
		v.Closient.ReadOnly = []string{"ReadBrand2345678923456"}
		v.Closient.Products = []string{"12345678905"}
		v.Closient.MaxBytes = 10_000
	}))
	img := pngOf(t, 2, 2)
	base := "/closient/dashboard/api/v1/trade-items/"
	for _, c := range []struct {
		name   string
		path   string
		key    headers
		fields []field
		part   string
		body   []byte
		status int
		code   string
		field  string
	}{
		{"no key", closientImages, headers{}, nil, "image", img, 401, "UNAUTHORIZED", ""},
		{"a bearer token in the key's header", closientImages, headers{"X-API-Key": "sandbox-closient-access"}, nil, "image", img, 401, "UNAUTHORIZED", ""},
		{"an organization in another alphabet", base + "SandboxBrand000000000l/12345678905/images", nil, nil, "image", img, 422, "VALIDATION_ERROR", "organization_id"},
		{"a GTIN with letters", base + "SandboxBrand2345678923/1234567890X/images", nil, nil, "image", img, 422, "VALIDATION_ERROR", "gtin"},
		{"an organization of others", base + "ForeignBrand2345678923/12345678905/images", nil, nil, "image", img, 404, "NOT_FOUND", ""},
		{"a product of nobody", base + "SandboxBrand2345678923/99999999/images", nil, nil, "image", img, 404, "NOT_FOUND", ""},
		{"an organization without permission", base + "ReadBrand2345678923456/12345678905/images", nil, nil, "image", img, 403, "FORBIDDEN", ""},
		{"no file", closientImages, nil, []field{{"title", "t"}}, "", nil, 422, "VALIDATION_ERROR", "image"},
		{"another name of the file", closientImages, nil, nil, "file", img, 422, "VALIDATION_ERROR", "image"},
		{"what is no image", closientImages, nil, nil, "image", []byte("text"), 422, "VALIDATION_ERROR", "image"},
		{"TIFF", closientImages, nil, nil, "image", []byte("II*\x00 and so on"), 422, "VALIDATION_ERROR", "image"},
		{"too large an image", closientImages, nil, nil, "image", append(img, make([]byte, 10_000)...), 413, "BAD_REQUEST", ""},
		{"too long a title", closientImages, nil, []field{{"title", strings.Repeat("ä", 256)}}, "image", img, 422, "VALIDATION_ERROR", "title"},
		{"a flag in another spelling", closientImages, nil, []field{{"is_primary", "True"}}, "image", img, 422, "VALIDATION_ERROR", "is_primary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			contentType, r := formOf(t, c.fields, c.part, "a.png", "image/png", c.body)
			h := headers{"Content-Type": contentType}
			if c.key == nil {
				c.key = closientHeader()
			}
			for name, value := range c.key {
				h[name] = value
			}
			a := send(t, "POST", s.URL()+c.path, h, r)
			require.Equal(t, c.status, a.status, "%s", a.body)
			e := a.json(t)["error"].(map[string]any)
			require.Equal(t, c.code, e["code"])
			require.EqualValues(t, c.status, e["status"])
			if c.field != "" {
				require.Equal(t, c.field, e["details"].([]any)[0].(map[string]any)["field"])
			}
		})
	}
	require.Empty(t, s.Ledger().Of("closient"))
	s.Configure(func(v *Settings) { v.Closient.Envelope = "b" })
	a := send(t, "GET", s.URL()+"/closient/dashboard/api/v1/trade-items/x/1/images", closientHeader(), nil)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(t, "VALIDATION_ERROR", a.json(t)["error_code"])
	require.Equal(t, false, a.json(t)["retryable"])
}

func TestClosientTellsOfItsLimits(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.Closient.PerMinute, v.Closient.PerDay = 3, 5 }))
	get := func() answered { return send(t, "GET", s.URL()+closientImages, closientHeader(), nil) }
	a := get()
	require.Equal(t, 200, a.status)
	require.Equal(t, "3;w=60, 5;w=86400", a.header.Get("RateLimit-Policy"))
	require.Equal(t, "3", a.header.Get("RateLimit-Limit"))
	require.Equal(t, "2", a.header.Get("RateLimit-Remaining"))
	require.Equal(t, "60", a.header.Get("RateLimit-Reset"))
	at, err := strconv.ParseInt(a.header.Get("X-RateLimit-Reset"), 10, 64)
	require.NoError(t, err)
	require.InDelta(t, time.Now().Unix()+60, at, 5)
	require.Empty(t, a.header.Get("Retry-After"))
	get()
	require.Equal(t, "0", get().header.Get("RateLimit-Remaining"))
	over := get()
	require.Equal(t, http.StatusTooManyRequests, over.status)
	require.Equal(t, "60", over.header.Get("Retry-After"))
	require.Equal(t, "RATE_LIMITED", over.json(t)["error"].(map[string]any)["code"])

	s.Advance(time.Minute)
	get()
	day := get()
	require.Equal(t, 200, day.status)
	require.Equal(t, "5", day.header.Get("RateLimit-Limit"), "now the day has less left")
	over = get()
	require.Equal(t, http.StatusTooManyRequests, over.status)
	wait, err := strconv.Atoi(over.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Greater(t, wait, 80_000)
	s.Advance(24 * time.Hour)
	require.Equal(t, 200, get().status)
}

func TestClosientTakesIDsInBothForms(t *testing.T) {
	require.Equal(t, "2222222222222222222222", shortUUID("00000000-0000-0000-0000-000000000000"))
	short, ok := shortID("ffffffff-ffff-ffff-ffff-ffffffffffff")
	require.True(t, ok)
	again, ok := shortID(short)
	require.True(t, ok)
	require.Equal(t, short, again)
	_, ok = shortID("3NxmYwJ9zKqBvT7cRfPdH0")
	require.False(t, ok)
}

func TestClosientNotesUnknownParts(t *testing.T) {
	s := start(t)
	a := closientPost(t, s, []field{{"caption", "x"}}, "a.png", "image/png", bytes.Clone(pngOf(t, 1, 1)))
	require.Equal(t, 201, a.status)
	require.Equal(t, []string{"unknown-field"}, violationKinds(s))
}

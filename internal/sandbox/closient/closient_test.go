package closient_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/closient"
	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

func TestClosientTakesAnImageInOneRequest(t *testing.T) {
	s := sandboxtest.Start(t)
	body := sandboxtest.JPEG(t, 20, 20)
	a := sandboxtest.ClosientPost(t, s, sandboxtest.Fields("title", "Front of package", "is_primary", "true"), sandboxtest.File{Name: "front.jpg", Type: "image/jpeg", Body: body})
	require.Equal(t, 201, a.Status, "%s", a.Body)
	doc := a.JSON(t)
	require.Regexp(t, `^[2-9A-HJ-NP-Za-km-z]{22}$`, doc["id"])
	require.Equal(t, "Front of package", doc["title"])
	require.Equal(t, true, doc["is_primary"])
	require.EqualValues(t, 0, doc["priority"])
	_, err := time.Parse(time.RFC3339, doc["created"].(string))
	require.NoError(t, err)
	require.Contains(t, doc["image_url"], "/products/00012345678905/")
	require.Equal(t, body, sandboxtest.Send(t, "GET", doc["image_url"].(string), nil, nil).Body)
	sandboxtest.NoViolations(t, s)
	m := s.Ledger().Of("closient")
	require.Len(t, m, 1)
	require.Equal(t, sandboxtest.Sum(body), m[0].SHA256)
	require.Equal(t, "front.jpg", m[0].Name)
}

func TestClosientMakesASecondImageOfASecondPost(t *testing.T) {
	s := sandboxtest.Start(t)
	body := sandboxtest.PNG(t, 4, 4)
	first := sandboxtest.ClosientPost(t, s, sandboxtest.Fields("title", "t", "is_primary", "true"), sandboxtest.File{Name: "a.png", Type: "image/png", Body: body}).JSON(t)
	second := sandboxtest.ClosientPost(t, s, sandboxtest.Fields("title", "t", "is_primary", "true"), sandboxtest.File{Name: "a.png", Type: "image/png", Body: body}).JSON(t)
	third := sandboxtest.ClosientPost(t, s, sandboxtest.Fields("title", "t3"), sandboxtest.File{Name: "a.png", Type: "image/png", Body: body}).JSON(t)
	require.NotEqual(t, first["id"], second["id"])
	require.EqualValues(t, 1, second["priority"])
	require.EqualValues(t, 2, third["priority"])

	list := sandboxtest.ClosientList(t, s, "")
	rows := list["data"].([]any)
	require.Len(t, rows, 3)
	require.Equal(t, second["id"], rows[0].(map[string]any)["id"], "the new primary comes first")
	require.Equal(t, false, rows[1].(map[string]any)["is_primary"], "and demotes the old one")
	require.Len(t, s.Ledger().Duplicates(), 1)

	gone := sandboxtest.Send(t, "DELETE", s.URL()+sandboxtest.ClosientImages+"/"+second["id"].(string), sandboxtest.ClosientHeader(), nil)
	require.Equal(t, 204, gone.Status)
	require.Equal(t, 404, sandboxtest.Send(t, "DELETE", s.URL()+sandboxtest.ClosientImages+"/"+second["id"].(string), sandboxtest.ClosientHeader(), nil).Status)
	for _, row := range sandboxtest.ClosientList(t, s, "")["data"].([]any) {
		require.Equal(t, false, row.(map[string]any)["is_primary"], "nothing is promoted")
	}
	require.Empty(t, s.Ledger().Duplicates())
}

func TestClosientListsInPages(t *testing.T) {
	s := sandboxtest.Start(t)
	for i := range 5 {
		_, err := sandbox.Of[*closient.Vendor](s).PutImage("SandboxBrand2345678923", "12345678905", fmt.Sprint(i), false, sandboxtest.PNG(t, 1, 1))
		require.NoError(t, err)
	}
	p := sandboxtest.ClosientList(t, s, "?page=2&page_size=2")
	require.Len(t, p["data"], 2)
	require.Equal(t, map[string]any{
		"page": 2.0, "page_size": 2.0, "total_count": 5.0, "total_pages": 3.0, "has_next": true, "has_previous": true,
	}, p["pagination"])
	require.Len(t, sandboxtest.ClosientList(t, s, "?page=9")["data"], 0)
	require.Equal(t, 422, sandboxtest.Send(t, "GET", s.URL()+sandboxtest.ClosientImages+"?page_size=101", sandboxtest.ClosientHeader(), nil).Status)
}

func TestClosientRefusesWhatItsContractRefuses(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) {
		simulate.In[closient.Settings](v).Organizations = append(simulate.In[closient.Settings](v).Organizations, "ReadBrand2345678923456")
		simulate.In[closient.Settings](v).ReadOnly = []string{"ReadBrand2345678923456"}
		simulate.In[closient.Settings](v).Products = []string{"12345678905"}
		simulate.In[closient.Settings](v).MaxBytes = 10_000
	}))
	img := sandboxtest.PNG(t, 2, 2)
	base := "/closient/dashboard/api/v1/trade-items/"
	for _, c := range []struct {
		name   string
		path   string
		key    sandboxtest.Headers
		fields []sandboxtest.Field
		part   string
		body   []byte
		status int
		code   string
		field  string
	}{
		{"no key", sandboxtest.ClosientImages, sandboxtest.Headers{}, nil, "image", img, 401, "UNAUTHORIZED", ""},
		{"a bearer token in the key's header", sandboxtest.ClosientImages, sandboxtest.Headers{"X-API-Key": "sandbox-closient-access"}, nil, "image", img, 401, "UNAUTHORIZED", ""},
		{"an organization in another alphabet", base + "SandboxBrand000000000l/12345678905/images", nil, nil, "image", img, 422, "VALIDATION_ERROR", "organization_id"},
		{"a GTIN with letters", base + "SandboxBrand2345678923/1234567890X/images", nil, nil, "image", img, 422, "VALIDATION_ERROR", "gtin"},
		{"an organization of others", base + "ForeignBrand2345678923/12345678905/images", nil, nil, "image", img, 404, "NOT_FOUND", ""},
		{"a product of nobody", base + "SandboxBrand2345678923/99999999/images", nil, nil, "image", img, 404, "NOT_FOUND", ""},
		{"an organization without permission", base + "ReadBrand2345678923456/12345678905/images", nil, nil, "image", img, 403, "FORBIDDEN", ""},
		{"no file", sandboxtest.ClosientImages, nil, sandboxtest.Fields("title", "t"), "", nil, 422, "VALIDATION_ERROR", "image"},
		{"another name of the file", sandboxtest.ClosientImages, nil, nil, "file", img, 422, "VALIDATION_ERROR", "image"},
		{"what is no image", sandboxtest.ClosientImages, nil, nil, "image", []byte("text"), 422, "VALIDATION_ERROR", "image"},
		{"TIFF", sandboxtest.ClosientImages, nil, nil, "image", []byte("II*\x00 and so on"), 422, "VALIDATION_ERROR", "image"},
		{"too large an image", sandboxtest.ClosientImages, nil, nil, "image", append(img, make([]byte, 10_000)...), 413, "BAD_REQUEST", ""},
		{"too long a title", sandboxtest.ClosientImages, nil, sandboxtest.Fields("title", strings.Repeat("ä", 256)), "image", img, 422, "VALIDATION_ERROR", "title"},
		{"a flag in another spelling", sandboxtest.ClosientImages, nil, sandboxtest.Fields("is_primary", "True"), "image", img, 422, "VALIDATION_ERROR", "is_primary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			contentType, r := sandboxtest.FormOf(t, c.fields, sandboxtest.File{Part: c.part, Name: "a.png", Type: "image/png", Body: c.body})
			h := sandboxtest.Headers{"Content-Type": contentType}
			if c.key == nil {
				c.key = sandboxtest.ClosientHeader()
			}
			for name, value := range c.key {
				h[name] = value
			}
			a := sandboxtest.Send(t, "POST", s.URL()+c.path, h, r)
			require.Equal(t, c.status, a.Status, "%s", a.Body)
			e := a.JSON(t)["error"].(map[string]any)
			require.Equal(t, c.code, e["code"])
			require.EqualValues(t, c.status, e["status"])
			if c.field != "" {
				require.Equal(t, c.field, e["details"].([]any)[0].(map[string]any)["field"])
			}
		})
	}
	require.Empty(t, s.Ledger().Of("closient"))
	s.Configure(func(v *simulate.Settings) { simulate.In[closient.Settings](v).Envelope = "b" })
	a := sandboxtest.Send(t, "GET", s.URL()+"/closient/dashboard/api/v1/trade-items/x/1/images", sandboxtest.ClosientHeader(), nil)
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	require.Equal(t, "VALIDATION_ERROR", a.JSON(t)["error_code"])
	require.Equal(t, false, a.JSON(t)["retryable"])
}

func TestClosientsPolicyIsThatOfTheWindowsThatThereAre(t *testing.T) {
	for want, set := range map[string]closient.Settings{
		"3;w=60, 5;w=86400": {PerMinute: 3, PerDay: 5},
		"3;w=60":            {PerMinute: 3},
		"5;w=86400":         {PerDay: 5},
		`"day";q=5;w=86400`: {PerDay: 5, Policy: `"day";q=5;w=86400`},
		"":                  {Policy: "not said without limits"},
	} {
		t.Run(want, func(t *testing.T) {
			s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) {
				in := simulate.In[closient.Settings](v)
				in.PerMinute, in.PerDay, in.Policy = set.PerMinute, set.PerDay, set.Policy
			}))
			a := sandboxtest.Send(t, "GET", s.URL()+sandboxtest.ClosientImages, sandboxtest.ClosientHeader(), nil)
			require.Equal(t, want, a.Header.Get("RateLimit-Policy"))
		})
	}
}

func TestClosientTellsOfItsLimits(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) {
		simulate.In[closient.Settings](v).PerMinute, simulate.In[closient.Settings](v).PerDay = 3, 5
	}))
	get := func() sandboxtest.Answered {
		return sandboxtest.Send(t, "GET", s.URL()+sandboxtest.ClosientImages, sandboxtest.ClosientHeader(), nil)
	}
	a := get()
	require.Equal(t, 200, a.Status)
	require.Equal(t, "3;w=60, 5;w=86400", a.Header.Get("RateLimit-Policy"))
	require.Equal(t, "3", a.Header.Get("RateLimit-Limit"))
	require.Equal(t, "2", a.Header.Get("RateLimit-Remaining"))
	require.Equal(t, "60", a.Header.Get("RateLimit-Reset"))
	at, err := strconv.ParseInt(a.Header.Get("X-RateLimit-Reset"), 10, 64)
	require.NoError(t, err)
	require.InDelta(t, time.Now().Unix()+60, at, 5)
	require.Empty(t, a.Header.Get("Retry-After"))
	get()
	require.Equal(t, "0", get().Header.Get("RateLimit-Remaining"))
	over := get()
	require.Equal(t, http.StatusTooManyRequests, over.Status)
	require.Equal(t, "60", over.Header.Get("Retry-After"))
	require.Equal(t, "RATE_LIMITED", over.JSON(t)["error"].(map[string]any)["code"])

	s.Advance(time.Minute)
	get()
	day := get()
	require.Equal(t, 200, day.Status)
	require.Equal(t, "5", day.Header.Get("RateLimit-Limit"), "now the day has less left")
	over = get()
	require.Equal(t, http.StatusTooManyRequests, over.Status)
	wait, err := strconv.Atoi(over.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Greater(t, wait, 80_000)
	s.Advance(24 * time.Hour)
	require.Equal(t, 200, get().Status)
}

func TestClosientNotesUnknownParts(t *testing.T) {
	s := sandboxtest.Start(t)
	a := sandboxtest.ClosientPost(t, s, sandboxtest.Fields("caption", "x"), sandboxtest.File{Name: "a.png", Type: "image/png", Body: bytes.Clone(sandboxtest.PNG(t, 1, 1))})
	require.Equal(t, 201, a.Status)
	require.Equal(t, []string{"unknown-field"}, sandboxtest.ViolationKinds(s))
}

// Package closient simulates Closient's brand dashboard, which takes the bytes itself:
// images of products, without any session.
package closient

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

const (
	kindImage  = "closient.image"
	perMinute  = 300
	perDay     = 10_000
	maxTitle   = 255
	imagesPath = "/closient/dashboard/api/v1/trade-items/{organization_id}/{gtin}/images"
)

// Vendor answers for Closient's brand dashboard.
type Vendor struct {
	w      *simulate.World
	table  *simulate.Table[productImage] // by id
	limits *keyLimits

	// rows serialises changes that concern several rows of a product, and guards
	// the list of each product's images.
	rows     sync.Mutex
	products map[string][]string
}

type productImage struct {
	simulate.Medium
	Organization string `json:"organization"`
	GTIN         string `json:"gtin"` // 14 digits
	Title        string `json:"title"`
	Primary      bool   `json:"primary"`
	Priority     int    `json:"priority"`
	Deleted      bool   `json:"deleted,omitempty"`
}

// Open restores what the vendor remembers.
func (t *Vendor) Open(w *simulate.World) error {
	t.w, t.products = w, map[string][]string{}
	var errs [2]error
	t.table, errs[0] = simulate.NewTable[productImage](w, kindImage)
	t.limits, errs[1] = newKeyLimits(w)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	for _, i := range t.table.All() {
		t.products[i.place()] = append(t.products[i.place()], i.MediaID)
	}
	return nil
}

// place names the product that an image hangs at.
func (i productImage) place() string { return i.Organization + "/" + i.GTIN }

// Reset forgets media and sessions.
func (t *Vendor) Reset() {
	for _, i := range t.table.All() {
		t.w.Files.Remove(fileName(i.MediaID))
	}
	t.table.Clear()
	t.limits.table.Clear()
	t.rows.Lock()
	defer t.rows.Unlock()
	t.products = map[string][]string{}
}

// Routes are the calls that the vendor answers.
func (t *Vendor) Routes() []simulate.Route {
	return []simulate.Route{
		{Call: "post", Method: http.MethodPost, Pattern: imagesPath, Handle: t.guarded(true, t.post), Refuse: t.refuse},
		{Call: "list", Method: http.MethodGet, Pattern: imagesPath, Handle: t.guarded(false, t.list), Refuse: t.refuse},
		{Call: "delete", Method: http.MethodDelete, Pattern: imagesPath + "/{image_id}", Handle: t.guarded(true, t.delete), Refuse: t.refuse},
		{Call: "image", Method: http.MethodGet, Pattern: "/cdn/closient/products/{gtin}/{file}", Zone: simulate.ZonePublic, Handle: t.image, Refuse: simulate.RefusePlain},
	}
}

// errorCodes are the codes of envelope (a).
func errorCodes() map[int]string {
	return map[int]string{
		400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "BAD_REQUEST", 409: "CONFLICT",
		413: "BAD_REQUEST", 422: "VALIDATION_ERROR", 429: "RATE_LIMITED", 500: "INTERNAL_ERROR",
	}
}

// refuse writes whichever of the two published envelopes is switched on.
func (t *Vendor) refuse(c *simulate.Call, f simulate.Refusal) *simulate.Answer {
	return t.limits.show(c, t.envelope(f, "", 0))
}

// invalidField is a 422 that names the field.
func (t *Vendor) invalidField(c *simulate.Call, field, format string, args ...any) *simulate.Answer {
	message := c.Invalid("%s: %s", field, fmt.Sprintf(format, args...))
	return t.envelope(simulate.Refusal{Status: badBody, Message: message}, field, 0)
}

func (t *Vendor) envelope(f simulate.Refusal, field string, retryAfter int) *simulate.Answer {
	if f.Code == "" {
		f.Code = errorCodes()[f.Status]
	}
	if f.Code == "" {
		f.Code = "INTERNAL_ERROR"
	}
	if f.Message == "" {
		f.Message = http.StatusText(f.Status)
	}
	if t.settings().Envelope == "b" {
		doc := map[string]any{
			"type": "about:blank", "title": http.StatusText(f.Status), "status": f.Status, "detail": f.Message, "error_code": f.Code,
			"retryable": f.Status == http.StatusTooManyRequests || f.Status >= 500, "timestamp": t.w.Clock.Wall().Format(time.RFC3339),
		}
		if retryAfter > 0 {
			doc["retry_after"] = retryAfter
		}
		return simulate.JSON(f.Status, doc).With("Content-Type", "application/problem+json")
	}
	doc := map[string]any{"code": f.Code, "message": f.Message, "status": f.Status}
	if field != "" {
		doc["details"] = []map[string]string{{"field": field, "message": f.Message}}
	}
	return simulate.JSON(f.Status, map[string]any{"error": doc})
}

// product is where a call's images hang.
type product struct {
	organization, gtin string
	account            string
}

// guarded checks key, limits, path and membership, in this order.
func (t *Vendor) guarded(change bool, next func(*simulate.Call, product) *simulate.Answer) func(*simulate.Call) *simulate.Answer {
	return func(c *simulate.Call) *simulate.Answer {
		cred, ok := t.credential(c)
		if !ok || cred.State == simulate.CredentialRevoked || cred.State == simulate.CredentialExpired {
			return t.envelope(simulate.Refusal{Status: http.StatusUnauthorized, Message: "Authentication required"}, "", 0)
		}
		if refused := t.limits.take(c, t); refused != nil {
			return refused
		}
		p, refused := t.product(c, cred, change)
		if refused != nil {
			return t.limits.show(c, refused)
		}
		return t.limits.show(c, next(c, p))
	}
}

func (t *Vendor) credential(c *simulate.Call) (simulate.Credential, bool) {
	if key := c.HTTP.Header.Get("X-API-Key"); key != "" {
		return t.w.Credentials.Find(vendorName, "api_key", key)
	}
	if token, ok := strings.CutPrefix(c.HTTP.Header.Get("Authorization"), "Bearer "); ok {
		return t.w.Credentials.Find(vendorName, "access_token", token)
	}
	c.Violation("missing-credentials", "the header X-API-Key is missing")
	return simulate.Credential{}, false
}

func (t *Vendor) product(c *simulate.Call, cred simulate.Credential, change bool) (product, *simulate.Answer) {
	set := t.settings()
	org, ok := shortID(c.Path["organization_id"])
	if !ok {
		return product{}, t.invalidField(c, "organization_id", "want a shortuuid of 22 characters, got %q", c.Path["organization_id"])
	}
	gtin := c.Path["gtin"]
	if len(gtin) < 8 || len(gtin) > 14 || strings.Trim(gtin, "0123456789") != "" {
		return product{}, t.invalidField(c, "gtin", "want 8 to 14 digits, got %q", gtin)
	}
	p := product{organization: org, gtin: gtin14(gtin), account: cred.Name}
	if !slices.Contains(set.Organizations, org) {
		return p, t.envelope(simulate.Refusal{Status: elsewhere, Message: "Organization not found"}, "", 0)
	}
	known := len(set.Products) == 0
	for _, g := range set.Products {
		known = known || gtin14(g) == p.gtin
	}
	if !known {
		return p, t.envelope(simulate.Refusal{Status: elsewhere, Message: "Product not found"}, "", 0)
	}
	if change && (cred.State == simulate.CredentialForbidden || slices.Contains(set.ReadOnly, org)) {
		return p, t.envelope(simulate.Refusal{Status: readOnly, Message: "Missing permission organization.contribute_organization"}, "", 0)
	}
	return p, nil
}

func gtin14(g string) string { return strings.Repeat("0", max(0, 14-len(g))) + g }

// gallery is the images of a product in their order: the primary first, then by
// priority, then the newest. The caller holds rows.
func (t *Vendor) gallery(p product) []productImage {
	var rows []productImage
	for _, id := range t.products[p.organization+"/"+p.gtin] {
		if i, ok := t.table.Get(id); ok && !i.Deleted {
			rows = append(rows, i)
		}
	}
	slices.SortStableFunc(rows, func(a, b productImage) int {
		switch {
		case a.Primary != b.Primary && a.Primary:
			return -1
		case a.Primary != b.Primary:
			return 1
		case a.Priority != b.Priority:
			return cmp.Compare(a.Priority, b.Priority)
		}
		return b.CreatedAt.Compare(a.CreatedAt)
	})
	return rows
}

func (i productImage) describe() map[string]any {
	return map[string]any{
		"id": i.MediaID, "title": i.Title, "is_primary": i.Primary, "priority": i.Priority,
		"created": i.CreatedAt.Format("2006-01-02T15:04:05.000000Z"), "image_url": i.URL,
	}
}

func (t *Vendor) list(c *simulate.Call, p product) *simulate.Answer {
	c.OnlyQuery("page", "page_size")
	page, okPage := t.number(c, "page", 1, 1<<30)
	size, okSize := t.number(c, "page_size", 25, 100)
	if !okPage || !okSize {
		return t.invalidField(c, "page", "want page from 1 and page_size from 1 to 100")
	}
	t.rows.Lock()
	rows := t.gallery(p)
	t.rows.Unlock()
	from := min((page-1)*size, len(rows))
	data := []map[string]any{}
	for _, i := range rows[from:min(from+size, len(rows))] {
		data = append(data, i.describe())
	}
	pages := (len(rows) + size - 1) / size
	return simulate.JSON(http.StatusOK, map[string]any{"data": data, "pagination": map[string]any{
		"page": page, "page_size": size, "total_count": len(rows), "total_pages": pages,
		"has_next": page < pages, "has_previous": page > 1,
	}})
}

func (t *Vendor) number(c *simulate.Call, name string, otherwise, most int) (int, bool) {
	text := c.Query.Get(name)
	if text == "" {
		return otherwise, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= most
}

func (t *Vendor) delete(c *simulate.Call, p product) *simulate.Answer {
	id, _ := shortID(c.Path["image_id"])
	c.Log.Subject = id
	gone := false
	t.table.Update(id, func(i *productImage) bool {
		if i.Deleted || i.Organization != p.organization || i.GTIN != p.gtin {
			return false
		}
		i.Deleted, gone = true, true // and no other row becomes primary (CL-6)
		return true
	})
	if !gone {
		return t.envelope(simulate.Refusal{Status: http.StatusNotFound, Message: "Image not found"}, "", 0)
	}
	return simulate.NewAnswer(http.StatusNoContent)
}

// image serves an image as it was uploaded.
func (t *Vendor) image(c *simulate.Call) *simulate.Answer {
	id, _, _ := strings.Cut(c.Path["file"], ".")
	i, ok := t.table.Get(id)
	if !ok || i.Deleted || i.GTIN != c.Path["gtin"] {
		return simulate.RefusePlain(c, simulate.Refusal{Status: http.StatusNotFound})
	}
	c.Log.Subject = id
	f, err := t.w.Files.Open(fileName(id))
	if err != nil {
		return simulate.RefusePlain(c, simulate.Refusal{Status: http.StatusNotFound, Message: "the bytes were not kept"})
	}
	return simulate.ServeContent(c, f, i.ContentType, "")
}

// Media is the vendor's part of the ledger.
func (t *Vendor) Media() []simulate.Medium {
	var out []simulate.Medium
	for _, i := range t.table.All() {
		i.State, i.Visible = "created", !i.Deleted
		if i.Deleted {
			i.State = "deleted"
		}
		out = append(out, i.Medium)
	}
	return out
}

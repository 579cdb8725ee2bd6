package sandbox

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Assumptions of the contract that this file, closient_post.go and
// closient_limits.go put into practice:
//
//	CL-1  nothing is recognised as sent before: a second POST is a second image
//	CL-2  priority of a new row is the number of rows there are
//	CL-3  10 MiB, beyond it 413; what is no supported image, a long title or a
//	      path of the wrong shape is 422
//	CL-4  an organization or product that is not ours is 404; no permission is 403
//	CL-5  envelope (a) unless switched to (b); a day begins with the first request
//	CL-6  deleting the primary image makes no other one primary
const (
	closientMaxBytes  = 10 << 20                       // CL-3
	closientBadBody   = http.StatusUnprocessableEntity // CL-3
	closientTooLarge  = http.StatusRequestEntityTooLarge
	closientElsewhere = http.StatusNotFound      // CL-4
	closientReadOnly  = http.StatusForbidden     // CL-4
	closientEnvelope  = "a"                      // CL-5
	closientOrg       = "SandboxBrand2345678923" // of the sandbox; nobody names one
)

const (
	kindClosient      = "closient.image"
	closientPerMinute = 300
	closientPerDay    = 10_000
	closientMaxTitle  = 255
	closientPath      = "/closient/dashboard/api/v1/trade-items/{organization_id}/{gtin}/images"
)

func closientDefaults() ClosientSettings {
	return ClosientSettings{
		Envelope: closientEnvelope, PerMinute: closientPerMinute, PerDay: closientPerDay, MaxBytes: closientMaxBytes,
		Organizations: []string{closientOrg},
	}
}

// closient answers for Closient's brand dashboard.
type closient struct {
	s      *Sandbox
	table  *table[closientImage] // by id
	limits *closientLimits

	// rows serialises changes that concern several rows of a product, and guards
	// the list of each product's images.
	rows     sync.Mutex
	products map[string][]string
}

type closientImage struct {
	Medium
	Organization string `json:"organization"`
	GTIN         string `json:"gtin"` // 14 digits
	Title        string `json:"title"`
	Primary      bool   `json:"primary"`
	Priority     int    `json:"priority"`
	Deleted      bool   `json:"deleted,omitempty"`
}

func newClosient(s *Sandbox, mem *memory) (*closient, error) {
	t, err := newTable[closientImage](s.journal, mem, kindClosient)
	if err != nil {
		return nil, err
	}
	limits, err := newClosientLimits(s, mem)
	v := &closient{s: s, table: t, limits: limits, products: map[string][]string{}}
	for _, i := range t.all() {
		v.products[i.place()] = append(v.products[i.place()], i.MediaID)
	}
	return v, err
}

// place names the product that an image hangs at.
func (i closientImage) place() string { return i.Organization + "/" + i.GTIN }

func (t *closient) name() string { return "closient" }

func (t *closient) reset() {
	for _, i := range t.table.all() {
		t.s.files.remove(closientFile(i.MediaID))
	}
	t.table.clear()
	t.limits.table.clear()
	t.rows.Lock()
	defer t.rows.Unlock()
	t.products = map[string][]string{}
}

func (t *closient) routes() []route {
	return []route{
		{call: "post", method: http.MethodPost, pattern: closientPath, handle: t.guarded(true, t.post), refuse: t.refuse},
		{call: "list", method: http.MethodGet, pattern: closientPath, handle: t.guarded(false, t.list), refuse: t.refuse},
		{call: "delete", method: http.MethodDelete, pattern: closientPath + "/{image_id}", handle: t.guarded(true, t.delete), refuse: t.refuse},
		{call: "image", method: http.MethodGet, pattern: "/cdn/closient/products/{gtin}/{file}", zone: zonePublic, handle: t.image, refuse: refusePlain},
	}
}

// closientCodes are the codes of envelope (a).
func closientCodes() map[int]string {
	return map[int]string{
		400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "BAD_REQUEST", 409: "CONFLICT",
		413: "BAD_REQUEST", 422: "VALIDATION_ERROR", 429: "RATE_LIMITED", 500: "INTERNAL_ERROR",
	}
}

// refuse writes whichever of the two published envelopes is switched on.
func (t *closient) refuse(c *call, f refusal) *answer {
	return t.limits.show(c, t.envelope(f, "", 0))
}

// invalidField is a 422 that names the field.
func (t *closient) invalidField(c *call, field, format string, args ...any) *answer {
	message := c.invalid("%s: %s", field, fmt.Sprintf(format, args...))
	return t.envelope(refusal{status: closientBadBody, message: message}, field, 0)
}

func (t *closient) envelope(f refusal, field string, retryAfter int) *answer {
	if f.code == "" {
		f.code = closientCodes()[f.status]
	}
	if f.code == "" {
		f.code = "INTERNAL_ERROR"
	}
	if f.message == "" {
		f.message = http.StatusText(f.status)
	}
	if t.s.Settings().Closient.Envelope == "b" {
		doc := map[string]any{
			"type": "about:blank", "title": http.StatusText(f.status), "status": f.status, "detail": f.message, "error_code": f.code,
			"retryable": f.status == http.StatusTooManyRequests || f.status >= 500, "timestamp": t.s.clock.wall().Format(time.RFC3339),
		}
		if retryAfter > 0 {
			doc["retry_after"] = retryAfter
		}
		return jsonAnswer(f.status, doc).with("Content-Type", "application/problem+json")
	}
	doc := map[string]any{"code": f.code, "message": f.message, "status": f.status}
	if field != "" {
		doc["details"] = []map[string]string{{"field": field, "message": f.message}}
	}
	return jsonAnswer(f.status, map[string]any{"error": doc})
}

// product is where a call's images hang.
type product struct {
	organization, gtin string
	account            string
}

// guarded checks key, limits, path and membership, in this order.
func (t *closient) guarded(change bool, next func(*call, product) *answer) func(*call) *answer {
	return func(c *call) *answer {
		cred, ok := t.credential(c)
		if !ok || cred.State == CredentialRevoked || cred.State == CredentialExpired {
			return t.envelope(refusal{status: http.StatusUnauthorized, message: "Authentication required"}, "", 0)
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

func (t *closient) credential(c *call) (Credential, bool) {
	if key := c.r.Header.Get("X-API-Key"); key != "" {
		return t.s.creds.find("closient", "api_key", key)
	}
	if token, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer "); ok {
		return t.s.creds.find("closient", "access_token", token)
	}
	c.violation("missing-credentials", "the header X-API-Key is missing")
	return Credential{}, false
}

func (t *closient) product(c *call, cred Credential, change bool) (product, *answer) {
	set := t.s.Settings().Closient
	org, ok := shortID(c.path["organization_id"])
	if !ok {
		return product{}, t.invalidField(c, "organization_id", "want a shortuuid of 22 characters, got %q", c.path["organization_id"])
	}
	gtin := c.path["gtin"]
	if len(gtin) < 8 || len(gtin) > 14 || strings.Trim(gtin, "0123456789") != "" {
		return product{}, t.invalidField(c, "gtin", "want 8 to 14 digits, got %q", gtin)
	}
	p := product{organization: org, gtin: gtin14(gtin), account: cred.Name}
	if !slices.Contains(set.Organizations, org) {
		return p, t.envelope(refusal{status: closientElsewhere, message: "Organization not found"}, "", 0)
	}
	known := len(set.Products) == 0
	for _, g := range set.Products {
		known = known || gtin14(g) == p.gtin
	}
	if !known {
		return p, t.envelope(refusal{status: closientElsewhere, message: "Product not found"}, "", 0)
	}
	if change && (cred.State == CredentialForbidden || slices.Contains(set.ReadOnly, org)) {
		return p, t.envelope(refusal{status: closientReadOnly, message: "Missing permission organization.contribute_organization"}, "", 0)
	}
	return p, nil
}

func gtin14(g string) string { return strings.Repeat("0", max(0, 14-len(g))) + g }

// gallery is the images of a product in their order: the primary first, then by
// priority, then the newest. The caller holds rows.
func (t *closient) gallery(p product) []closientImage {
	var rows []closientImage
	for _, id := range t.products[p.organization+"/"+p.gtin] {
		if i, ok := t.table.get(id); ok && !i.Deleted {
			rows = append(rows, i)
		}
	}
	slices.SortStableFunc(rows, func(a, b closientImage) int {
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

func (i closientImage) describe() map[string]any {
	return map[string]any{
		"id": i.MediaID, "title": i.Title, "is_primary": i.Primary, "priority": i.Priority,
		"created": i.CreatedAt.Format("2006-01-02T15:04:05.000000Z"), "image_url": i.URL,
	}
}

func (t *closient) list(c *call, p product) *answer {
	c.onlyQuery("page", "page_size")
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
	return jsonAnswer(http.StatusOK, map[string]any{"data": data, "pagination": map[string]any{
		"page": page, "page_size": size, "total_count": len(rows), "total_pages": pages,
		"has_next": page < pages, "has_previous": page > 1,
	}})
}

func (t *closient) number(c *call, name string, otherwise, most int) (int, bool) {
	text := c.query.Get(name)
	if text == "" {
		return otherwise, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= most
}

func (t *closient) delete(c *call, p product) *answer {
	id, _ := shortID(c.path["image_id"])
	c.log.Subject = id
	gone := false
	t.table.update(id, func(i *closientImage) bool {
		if i.Deleted || i.Organization != p.organization || i.GTIN != p.gtin {
			return false
		}
		i.Deleted, gone = true, true // and no other row becomes primary (CL-6)
		return true
	})
	if !gone {
		return t.envelope(refusal{status: http.StatusNotFound, message: "Image not found"}, "", 0)
	}
	return newAnswer(http.StatusNoContent)
}

// image serves an image as it was uploaded.
func (t *closient) image(c *call) *answer {
	id, _, _ := strings.Cut(c.path["file"], ".")
	i, ok := t.table.get(id)
	if !ok || i.Deleted || i.GTIN != c.path["gtin"] {
		return refusePlain(c, refusal{status: http.StatusNotFound})
	}
	c.log.Subject = id
	f, err := t.s.files.open(closientFile(id))
	if err != nil {
		return refusePlain(c, refusal{status: http.StatusNotFound, message: "the bytes were not kept"})
	}
	return serveContent(c, f, i.ContentType, "")
}

func (t *closient) media() []Medium {
	var out []Medium
	for _, i := range t.table.all() {
		i.State, i.Visible = "created", !i.Deleted
		if i.Deleted {
			i.State = "deleted"
		}
		out = append(out, i.Medium)
	}
	return out
}

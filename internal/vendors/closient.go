package vendors

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Closient takes one form POST to the vendor itself, which makes an image each
// time.
// So the images of the product are listed before it, and again when its answer
// was lost.
type Closient struct{}

// What Closient does not document, and we assume.
var closientAssumed = struct {
	maxBytes int64
}{
	maxBytes: 10 << 20, // CL-3: the limit that the vendor has for CSV files
	// CL-1: there is no deduplication: a second POST is a second image.
	// CL-2: priority is not looked at.
	// CL-4: 404 is an unknown organization or product, 403 a member without the
	//       permission.
	// CL-5: two shapes of refusals; see closientWords.
	// CL-6: deleting an image changes no other.
}

// closientSkew is how far the vendor's clock may be behind where its list is
// compared with the time of our POST.
const closientSkew = time.Minute

const (
	closientPage  = 100 // images, the largest page of a list
	closientPages = 100 // after which a list that goes on is not believed
)

var (
	closientOrganization = regexp.MustCompile(`^[23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz]{22}$|^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	closientGTIN         = regexp.MustCompile(`^\d{8,14}$`)
	closientKey          = regexp.MustCompile(`^(csb|csu|cpk)_([0-9A-Za-z]{32})_([0-9a-f]{8})$`)
)

var closientSpec = &Spec{
	Name:    "closient",
	Title:   "Closient",
	Docs:    "https://docs.closient.com/api-reference/dashboard/images/upload-product-image (read 2026-11-21)",
	Flow:    "list, form POST to Closient; after a lost answer list again, adopt or send again",
	BaseURL: "https://www.closient.com/dashboard/api/v1",
	Fields: []Field{
		{Name: "organization_id", Type: Text, Required: true, Pattern: closientOrganization, Want: "an organization ID of 22 characters, or a UUID", Doc: "the organization that owns the product"},
		{Name: "gtin", Type: Text, Required: true, Pattern: closientGTIN, Want: "a GTIN of 8 to 14 digits (a spreadsheet may have turned it into a number: format the column as text)", Doc: "the product: GTIN-8, -12, -13 or -14"},
		{Name: "title", Type: Text, Most: 255, Doc: "caption, up to 255 characters"},
		{Name: "is_primary", Type: Boolean, Doc: "whether the image becomes the product's first; sent after its others"},
	},
	Settings: []Setting{
		{Name: "api_key", Doc: "sent as X-API-Key", Secret: true},
		{Name: "cleanup_duplicates", Doc: "delete further images that a lost answer left behind", Default: "false", Choices: []string{"true", "false"}},
	},
	Credentials: [][]string{{"api_key"}},
	Takes: []Range{{
		Types:    []string{"image/jpeg", "image/png", "image/gif", "image/webp", "image/svg+xml", "image/bmp"},
		MaxBytes: closientAssumed.maxBytes,
	}},
	Rate:       5, // 300 in 60 s (docs.closient.com/rate-limits)
	Burst:      20,
	DailyLimit: 10_000,
	Prehash:    true, // a lost answer is looked for by content
	Lane:       closientLane,
	Advise:     closientAdvise,
}

// Spec describes Closient.
func (Closient) Spec() *Spec { return closientSpec }

// closientLane lets one POST at a time through to a product, so that a new image
// in its list cannot be from another of ours.
func closientLane(account Account, fields upload.Fields) (lane string, last bool) {
	primary, _ := fields.Bool("is_primary")
	return fmt.Sprintf("%s/%s/%s", strings.TrimRight(account.BaseURL, "/"), shortUUID(fields.String("organization_id")), padGTIN(fields.String("gtin"))), primary
}

const shortUUIDAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// shortUUID writes a canonical UUID as the vendor does: the number in base 57,
// most significant digit first, 22 digits. Anything else stays as it is.
func shortUUID(id string) string {
	n, ok := new(big.Int).SetString(strings.ReplaceAll(id, "-", ""), 16)
	if len(id) != 36 || !ok {
		return id
	}
	base, digit := big.NewInt(int64(len(shortUUIDAlphabet))), new(big.Int)
	out := make([]byte, 22)
	for i := range out {
		n.DivMod(n, base, digit)
		out[len(out)-1-i] = shortUUIDAlphabet[digit.Int64()]
	}
	return string(out)
}

func padGTIN(gtin string) string {
	return strings.Repeat("0", max(0, 14-len(gtin))) + gtin
}

// closientAdvise looks at the key's checksum, which catches typing errors.
func closientAdvise(settings map[string]string) []string {
	key := settings["api_key"]
	parts := closientKey.FindStringSubmatch(key)
	switch {
	case key == "":
		return nil
	case parts == nil:
		return []string{"api_key does not have the form PREFIX_BODY_CHECKSUM of Closient's keys"}
	case fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(parts[2]))) != parts[3]:
		return []string{"api_key has a wrong checksum: it was probably mistyped"}
	}
	return nil
}

// closientImage is an image of a product.
type closientImage struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	IsPrimary bool      `json:"is_primary"`
	Created   time.Time `json:"created"`
	ImageURL  string    `json:"image_url"`
}

// Prepare remembers which images the product has: GET …/images, all pages.
func (Closient) Prepare(ctx context.Context, c *Caller, in upload.Prepare) (upload.Session, error) {
	images, now, err := c.closientList(ctx, upload.StepPrepare, in.Item.Fields)
	if err != nil {
		return upload.Session{}, err
	}
	before := make([]string, 0, len(images))
	for _, image := range images {
		before = append(before, image.ID)
	}
	var form []upload.FormField
	if title := in.Item.Fields.String("title"); title != "" {
		form = append(form, upload.FormField{Name: "title", Value: title})
	}
	if primary, present := in.Item.Fields.Bool("is_primary"); present {
		form = append(form, upload.FormField{Name: "is_primary", Value: strconv.FormatBool(primary)})
	}
	return upload.Session{
		Method: upload.MethodForm, Store: upload.StoreVendor,
		URL: c.closientURL(in.Item.Fields), Form: form,
		File:     upload.FormFile{Field: "image", Name: in.Content.Name, Type: in.Content.Type},
		OpenedAt: earlier(now, c.Now()), Before: before,
	}, nil
}

// earlier is the moment from which an image may be ours. Dates of answers and of
// images need not come from one clock; too early harms nobody, for the images of
// before are known.
func earlier(there, here time.Time) time.Time {
	if here.Before(there) {
		return here
	}
	return there
}

// Admission lets the bytes in.
func (Closient) Admission(_ context.Context, c *Caller) (http.Header, error) {
	return http.Header{"X-Api-Key": {c.Account.Settings["api_key"]}, "Accept": {"application/json"}}, nil
}

// Received reads the answer to the POST. What is not a clear refusal, and not an
// image, leaves open whether there is one now.
func (Closient) Received(ctx context.Context, c *Caller, status int, header http.Header, body []byte) (upload.Media, error) {
	a := answer{name: "images", step: upload.StepTransfer, status: status, header: header, body: body, hidden: c.hidden(request{})}
	c.closientPace(ctx, a)
	if status < 200 || status >= 300 {
		return upload.Media{}, c.judge(ctx, a, status, closientWords(a))
	}
	var image closientImage
	if err := a.decode(&image); err != nil {
		return upload.Media{}, err
	}
	if image.ID == "" {
		return upload.Media{}, a.incomplete("no id")
	}
	return image.media(), nil
}

func (i closientImage) media() upload.Media {
	return upload.Media{ID: i.ID, URL: lasting(i.ImageURL), State: upload.StateReady, Seen: "listed"}
}

// Poll has nothing to ask: an image that was answered is there.
func (Closient) Poll(_ context.Context, _ *Caller, in upload.Poll) (upload.Media, error) {
	return in.Session.Media, nil
}

// closientList reads all images of a product, and the vendor's time.
func (c *Caller) closientList(ctx context.Context, step upload.Step, fields upload.Fields) ([]closientImage, time.Time, error) {
	var all []closientImage
	for page := 1; ; page++ {
		query := url.Values{"page": {strconv.Itoa(page)}, "page_size": {strconv.Itoa(closientPage)}}
		a, err := c.closient(ctx, request{step: step, name: "list images", method: http.MethodGet, url: c.closientURL(fields) + "?" + query.Encode()})
		if err != nil {
			return nil, time.Time{}, err
		}
		var got struct {
			Data       []closientImage `json:"data"`
			Pagination struct {
				HasNext bool `json:"has_next"`
			} `json:"pagination"`
		}
		if err := a.decode(&got); err != nil {
			return nil, time.Time{}, err
		}
		if got.Data == nil { // no list is not an empty one: a lost image would be taken for none
			return nil, time.Time{}, a.incomplete("no data")
		}
		all = append(all, got.Data...)
		switch {
		case !got.Pagination.HasNext, len(got.Data) == 0:
			return all, a.there(c.Now()), nil
		case page == closientPages:
			return nil, time.Time{}, a.incomplete("more than %d pages", page)
		}
	}
}

func (c *Caller) closientURL(fields upload.Fields) string {
	return c.Account.url("/trade-items/" + url.PathEscape(fields.String("organization_id")) + "/" + url.PathEscape(fields.String("gtin")) + "/images")
}

func (c *Caller) closient(ctx context.Context, r request) (answer, error) {
	r.header = http.Header{"X-Api-Key": {c.Account.Settings["api_key"]}}
	a, err := c.call(ctx, r, closientWords)
	c.closientPace(ctx, a)
	return a, err
}

// closientPace obeys what every answer says of the rest of the window
// (docs.closient.com/rate-limits): RateLimit-Reset is in seconds from now.
func (c *Caller) closientPace(ctx context.Context, a answer) {
	reset, err := strconv.Atoi(a.header.Get("RateLimit-Reset"))
	if a.header.Get("RateLimit-Remaining") == "0" && err == nil && reset > 0 {
		c.Permits.Rest(ctx, c.Account, time.Duration(reset)*time.Second)
	}
}

// closientWords reads both shapes of refusals that the vendor documents:
// {"error": {…}} and RFC 9457 problems.
func closientWords(a answer) words {
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Details []struct {
				Field   string `json:"field"`
				Message string `json:"message"`
			} `json:"details"`
		} `json:"error"`
		Title      string  `json:"title"`
		Detail     string  `json:"detail"`
		Code       string  `json:"error_code"`
		RetryAfter float64 `json:"retry_after"`
	}
	_ = json.Unmarshal(a.body, &said)                           // an empty or foreign body has no words
	wait := min(max(said.RetryAfter, 0), longestWait.Seconds()) // first, for not every number is a Duration
	w := words{text: said.Error.Message, code: said.Error.Code, wait: time.Duration(wait * float64(time.Second))}
	for _, detail := range said.Error.Details {
		w.text += fmt.Sprintf("; %s: %s", detail.Field, detail.Message)
	}
	if w.text == "" {
		w.text = said.Detail
	}
	if w.text == "" {
		w.text = said.Title
	}
	if w.code == "" {
		w.code = said.Code
	}
	return w
}

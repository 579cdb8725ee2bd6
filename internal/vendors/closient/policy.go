package closient

import (
	"fmt"
	"hash/crc32"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const (
	docs       = "https://docs.closient.com/api-reference/dashboard/images/upload-product-image"
	docsList   = "https://docs.closient.com/api-reference/dashboard/images/list-product-images"
	docsDelete = "https://docs.closient.com/api-reference/dashboard/images/delete-product-image"

	pathImages = "/trade-items/{organization_id}/{gtin}/images"

	// clockSkew is how far the vendor's clock may be behind where its list is
	// compared with the time of our POST.
	clockSkew = time.Minute

	pageSize = 100 // images, the largest page of a list
	maxPages = 100 // after which a list that goes on is not believed

	// longestWindow is that of the requests of a day, which a refusal may ask to wait
	// for.
	longestWindow = 24 * time.Hour

	// imageTimeout bounds the reading of one image, whose client sets no bound. An
	// image that does not come in this time counts as one that cannot be read.
	imageTimeout = 20 * time.Second
)

// The calls of an upload.
var (
	callList = spec.Call{
		Name: "list", Title: "list images", Step: upload.StepPrepare, Method: http.MethodGet, Path: pathImages,
		Repeat: spec.LeavesNothing, Source: docsList,
	}
	callPost = spec.Call{
		Name: "post", Title: "images", Step: upload.StepTransfer, Method: http.MethodPost, Path: pathImages,
		Repeat: spec.LeavesDuplicate, Source: "assumed, CL-1",
	}
	callImage = spec.Call{
		Name: "image", Step: upload.StepTransfer, Method: http.MethodGet, Path: "the image's image_url",
		Repeat: spec.LeavesNothing, Source: docsList,
	}
	callDelete = spec.Call{
		Name: "delete", Title: "delete image", Step: upload.StepTransfer, Method: http.MethodDelete, Path: pathImages + "/{image_id}",
		Repeat: spec.LeavesNothing, Source: docsDelete,
	}
)

var (
	organization = regexp.MustCompile(`^[23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz]{22}$|^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	gtin         = regexp.MustCompile(`^\d{8,14}$`)
	apiKey       = regexp.MustCompile(`^(csb|csu|cpk)_([0-9A-Za-z]{32})_([0-9a-f]{8})$`)
)

var closient = &spec.Spec{
	Name:    "closient",
	Title:   "Closient",
	Docs:    docs + " (read 2026-11-21)",
	Flow:    "list images, form POST to Closient; after a lost answer, list again and adopt the image, or send it again",
	BaseURL: "https://www.closient.com/dashboard/api/v1",
	Fields: []spec.Field{
		{Name: "organization_id", Type: spec.Text, Required: true, Identifier: true, Pattern: organization, Want: "an organization ID of 22 characters or a UUID", Doc: "the organization that owns the product"},
		{Name: "gtin", Type: spec.Text, Required: true, Identifier: true, GTIN: true, Pattern: gtin, Want: "a GTIN of 8 to 14 digits (a spreadsheet may have changed it to a number; format the column as text)", Doc: "the product: GTIN-8, -12, -13 or -14"},
		{Name: "title", Type: spec.Text, Most: 255, Doc: "caption, up to 255 characters"},
		{Name: "is_primary", Type: spec.Boolean, Doc: "whether the image becomes the product's primary image; mediaferry sends it last"},
	},
	Settings: []spec.Setting{
		{Name: "api_key", Doc: "API key, sent as X-API-Key", Secret: true},
		{Name: "cleanup_duplicates", Doc: "delete duplicate images that a lost answer left behind", Default: "false", Choices: []string{"true", "false"}},
	},
	Credentials: []spec.Credentials{{Settings: []string{"api_key"}}},
	Keys: spec.Keys{
		Doc:    "API keys begin with csb_ (of a business), csu_ (of a user) or cpk_ (publishable), and can be inactive or expired. Uploading needs the permission organization.contribute_organization",
		Source: "https://docs.closient.com/authentication",
	},
	// The vendor has a call about the key itself, but no public page documents it (CL-7).
	Probe: &spec.Probe{Call: callList, Fields: []string{"organization_id", "gtin"}},
	Calls: []spec.Call{callList, callPost, callImage, callDelete},
	Takes: []spec.Range{{
		Types:    []string{"image/jpeg", "image/png", "image/gif", "image/webp", "image/svg+xml", "image/bmp"},
		MaxBytes: assumed.maxBytes,
	}},
	// docs.closient.com/rate-limits (read 2026-11-29), of a key without limits of its own
	Quotas: []upload.Quota{{Window: time.Minute, Limit: 300}, {Window: 24 * time.Hour, Limit: 10_000}},
	Burst:  20,
	Policy: upload.Policy{
		Bytes: upload.BytesVendorForm,
		Find:  upload.Find{By: upload.FindBySearch, Waits: spec.Seconds(2, 5)},
	},
	Sources: map[spec.Fact]string{
		spec.FactBytes:  docs,
		spec.FactFind:   "assumed, CL-1; " + docsList + spec.OurChoice,
		spec.FactSerial: "assumed, CL-1",
	},
	Prehash: true, // a lost answer is looked for by content
	// One POST at a time goes to a product, so that a new image in its list cannot
	// be from another of ours.
	Serial: &spec.Serial{
		Key:  productKey,
		Noun: "product", KnownBy: "gtin",
		LastField: "is_primary", LastNoun: "the primary image",
	},
	Advise: advise,
}

// Spec describes Closient.
func (Client) Spec() *spec.Spec { return closient }

// productKey is one for a product, however its account, organization and GTIN are
// written.
func productKey(account spec.Account, fields upload.Fields) string {
	return fmt.Sprintf("%s/%s/%s", strings.TrimRight(account.BaseURL, "/"), shortUUID(fields.String("organization_id")), padGTIN(fields.String("gtin")))
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

// advise looks at the key's checksum, which catches typing errors.
func advise(settings map[string]string) []string {
	key := settings["api_key"]
	parts := apiKey.FindStringSubmatch(key)
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

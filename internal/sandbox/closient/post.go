package closient

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

func fileName(id string) string { return "closient/" + id }

// imageForm is what a POST brings.
type imageForm struct {
	image   *simulate.Staged
	name    string
	title   string
	primary bool
}

func (t *Vendor) post(c *simulate.Call, p product) *simulate.Answer {
	c.OnlyQuery()
	form, refused := t.readForm(c)
	if refused != nil {
		if form.image != nil {
			form.image.Drop()
		}
		return refused
	}
	i, err := t.create(p, form)
	if err != nil {
		t.w.Journal.Fail(err)
		return t.envelope(simulate.Refusal{Status: http.StatusInternalServerError}, "", 0)
	}
	c.Log.Subject, c.Log.SHA256 = i.MediaID, i.SHA256
	return simulate.JSON(http.StatusCreated, i.describe())
}

// create adds a row, always a new one (CL-1).
func (t *Vendor) create(p product, form imageForm) (productImage, error) {
	t.rows.Lock()
	defer t.rows.Unlock()
	id := shortUUID(simulate.NewUUID())
	if err := form.image.Keep(fileName(id)); err != nil {
		return productImage{}, err
	}
	kind := simulate.ImageType(form.image.Head)
	rows := t.gallery(p)
	if form.primary {
		for _, other := range rows {
			if other.Primary {
				t.table.Update(other.MediaID, func(i *productImage) bool { i.Primary = false; return true })
			}
		}
	}
	now := t.w.Clock.Wall()
	i := productImage{
		Organization: p.organization, GTIN: p.gtin, Title: form.title, Primary: form.primary, Priority: len(rows), // CL-2
		Medium: simulate.Medium{
			Vendor: vendorName, Account: p.account, MediaID: id, Name: form.name, CreatedAt: now, ReceivedAt: &now,
			Size: form.image.Size, SHA256: form.image.SHA256, ContentType: kind, Received: 1,
			URL: t.w.StorageURL + "/cdn/closient/products/" + p.gtin + "/" + id + "." + extensionOf(kind),
			Fields: map[string]any{
				"organization_id": p.organization, "gtin": p.gtin, "title": form.title, "is_primary": form.primary,
			},
		},
	}
	t.table.Put(id, i)
	t.products[i.place()] = append(t.products[i.place()], id)
	return i, nil
}

func extensionOf(kind string) string {
	_, sub, _ := strings.Cut(kind, "/")
	sub, _, _ = strings.Cut(sub, "+")
	return strings.Replace(sub, "jpeg", "jpg", 1)
}

// readForm reads the parts as they stream by. A form that is refused may leave a
// staged image behind.
func (t *Vendor) readForm(c *simulate.Call) (imageForm, *simulate.Answer) {
	var form imageForm
	kind, params, err := mime.ParseMediaType(c.HTTP.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return form, t.invalidField(c, "image", "field required: the body is no multipart/form-data")
	}
	r := multipart.NewReader(c.Body, params["boundary"])
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return form, t.envelope(simulate.Refusal{Status: http.StatusBadRequest, Message: "the multipart body is broken or cut off"}, "", 0)
		}
		if refused := t.readPart(c, p, &form); refused != nil {
			return form, refused
		}
	}
	if form.image == nil {
		return form, t.invalidField(c, "image", "field required")
	}
	if simulate.ImageType(form.image.Head) == "" || simulate.ImageType(form.image.Head) == "image/tiff" {
		if !t.settings().AnyBytes {
			return form, t.invalidField(c, "image", "upload a valid image: JPEG, PNG, GIF, WebP, SVG or BMP")
		}
	}
	return form, nil
}

func (t *Vendor) readPart(c *simulate.Call, p *multipart.Part, form *imageForm) *simulate.Answer {
	switch p.FormName() {
	case "image":
		return t.readImage(c, p, form)
	case "title":
		text, err := io.ReadAll(io.LimitReader(p, 64<<10))
		if err != nil || !utf8.Valid(text) || utf8.RuneCount(text) > maxTitle {
			return t.invalidField(c, "title", "want at most %d characters", maxTitle)
		}
		form.title = string(text)
	case "is_primary":
		text, err := io.ReadAll(io.LimitReader(p, 64))
		if err != nil || string(text) != "true" && string(text) != "false" {
			return t.invalidField(c, "is_primary", "want true or false, got %q", text)
		}
		form.primary = string(text) == "true"
	default:
		c.Violation("unknown-field", "part %q is not part of this form", p.FormName())
	}
	return nil
}

func (t *Vendor) readImage(c *simulate.Call, p *multipart.Part, form *imageForm) *simulate.Answer {
	if form.image != nil {
		return t.invalidField(c, "image", "want one file")
	}
	if p.FileName() == "" {
		return t.invalidField(c, "image", "want a file with a name")
	}
	most := t.settings().MaxBytes
	image, err := t.w.Files.Stage(io.LimitReader(p, most+1), simulate.Measure{})
	if err != nil {
		return t.envelope(simulate.Refusal{Status: http.StatusBadRequest, Message: "the multipart body is broken or cut off"}, "", 0)
	}
	form.image, form.name = image, p.FileName()
	if image.Size > most {
		message := c.Invalid("the image is larger than %d bytes", most)
		return t.envelope(simulate.Refusal{Status: tooLarge, Message: message}, "", 0)
	}
	return nil
}

// PutImage adds an image to a product as if somebody else had uploaded it
// in the dashboard, and returns its ID. The body is not checked.
func (t *Vendor) PutImage(organization, gtin, title string, primary bool, body []byte) (string, error) {
	org, ok := shortID(organization)
	if !ok {
		return "", fmt.Errorf("organization %q: want a shortuuid of 22 characters", organization)
	}
	image, err := t.w.Files.Stage(strings.NewReader(string(body)), simulate.Measure{})
	if err != nil {
		return "", err
	}
	i, err := t.create(product{organization: org, gtin: gtin14(gtin), account: "somebody else"}, imageForm{
		image: image, name: "dashboard", title: title, primary: primary,
	})
	return i.MediaID, err
}

// shortAlphabet is what shortuuids are written in.
const shortAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

const shortLength = 22

// shortID reads an ID as a shortuuid or as a UUID and gives the former.
func shortID(id string) (string, bool) {
	if len(id) == shortLength && strings.Trim(id, shortAlphabet) == "" {
		return id, true
	}
	digits := strings.ReplaceAll(id, "-", "")
	if len(id) != 36 || len(digits) != 32 || strings.Trim(strings.ToLower(digits), "0123456789abcdef") != "" {
		return "", false
	}
	return shortUUID(id), true
}

// shortUUID writes a UUID in the alphabet, most significant digit first.
func shortUUID(uuid string) string {
	n, _ := new(big.Int).SetString(strings.ReplaceAll(uuid, "-", ""), 16)
	base, digit := big.NewInt(int64(len(shortAlphabet))), new(big.Int)
	out := make([]byte, shortLength)
	for i := shortLength - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = shortAlphabet[digit.Int64()]
	}
	return string(out)
}

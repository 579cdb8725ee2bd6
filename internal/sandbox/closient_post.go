package sandbox

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
)

func closientFile(id string) string { return "closient/" + id }

// closientForm is what a POST brings.
type closientForm struct {
	image   *staged
	name    string
	title   string
	primary bool
}

func (t *closient) post(c *call, p product) *answer {
	c.onlyQuery()
	form, refused := t.readForm(c)
	if refused != nil {
		if form.image != nil {
			form.image.drop()
		}
		return refused
	}
	i, err := t.create(p, form)
	if err != nil {
		t.s.journal.fail(err)
		return t.envelope(refusal{status: http.StatusInternalServerError}, "", 0)
	}
	c.log.Subject, c.log.SHA256 = i.MediaID, i.SHA256
	return jsonAnswer(http.StatusCreated, i.describe())
}

// create adds a row, always a new one (CL-1).
func (t *closient) create(p product, form closientForm) (closientImage, error) {
	t.rows.Lock()
	defer t.rows.Unlock()
	id := shortUUID(newUUID())
	if err := form.image.keep(closientFile(id)); err != nil {
		return closientImage{}, err
	}
	kind := imageType(form.image.head)
	rows := t.gallery(p)
	if form.primary {
		for _, other := range rows {
			if other.Primary {
				t.table.update(other.MediaID, func(i *closientImage) bool { i.Primary = false; return true })
			}
		}
	}
	now := t.s.clock.wall()
	i := closientImage{
		Organization: p.organization, GTIN: p.gtin, Title: form.title, Primary: form.primary, Priority: len(rows), // CL-2
		Medium: Medium{
			Vendor: "closient", Account: p.account, MediaID: id, Name: form.name, CreatedAt: now, ReceivedAt: &now,
			Size: form.image.size, SHA256: form.image.sha256, ContentType: kind, Received: 1,
			URL: t.s.storage + "/cdn/closient/products/" + p.gtin + "/" + id + "." + closientExtension(kind),
			Fields: map[string]any{
				"organization_id": p.organization, "gtin": p.gtin, "title": form.title, "is_primary": form.primary,
			},
		},
	}
	t.table.put(id, i)
	t.products[i.place()] = append(t.products[i.place()], id)
	return i, nil
}

func closientExtension(kind string) string {
	_, sub, _ := strings.Cut(kind, "/")
	sub, _, _ = strings.Cut(sub, "+")
	return strings.Replace(sub, "jpeg", "jpg", 1)
}

// readForm reads the parts as they stream by. A form that is refused may leave a
// staged image behind.
func (t *closient) readForm(c *call) (closientForm, *answer) {
	var form closientForm
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return form, t.invalidField(c, "image", "field required: the body is no multipart/form-data")
	}
	r := multipart.NewReader(c.body, params["boundary"])
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return form, t.envelope(refusal{status: http.StatusBadRequest, message: "the multipart body is broken or cut off"}, "", 0)
		}
		if refused := t.readPart(c, p, &form); refused != nil {
			return form, refused
		}
	}
	if form.image == nil {
		return form, t.invalidField(c, "image", "field required")
	}
	if imageType(form.image.head) == "" || imageType(form.image.head) == "image/tiff" {
		if !t.s.Settings().Closient.AnyBytes {
			return form, t.invalidField(c, "image", "upload a valid image: JPEG, PNG, GIF, WebP, SVG or BMP")
		}
	}
	return form, nil
}

func (t *closient) readPart(c *call, p *multipart.Part, form *closientForm) *answer {
	switch p.FormName() {
	case "image":
		return t.readImage(c, p, form)
	case "title":
		text, err := io.ReadAll(io.LimitReader(p, 64<<10))
		if err != nil || !utf8.Valid(text) || utf8.RuneCount(text) > closientMaxTitle {
			return t.invalidField(c, "title", "want at most %d characters", closientMaxTitle)
		}
		form.title = string(text)
	case "is_primary":
		text, err := io.ReadAll(io.LimitReader(p, 64))
		if err != nil || string(text) != "true" && string(text) != "false" {
			return t.invalidField(c, "is_primary", "want true or false, got %q", text)
		}
		form.primary = string(text) == "true"
	default:
		c.violation("unknown-field", "part %q is not part of this form", p.FormName())
	}
	return nil
}

func (t *closient) readImage(c *call, p *multipart.Part, form *closientForm) *answer {
	if form.image != nil {
		return t.invalidField(c, "image", "want one file")
	}
	if p.FileName() == "" {
		return t.invalidField(c, "image", "want a file with a name")
	}
	most := t.s.Settings().Closient.MaxBytes
	image, err := t.s.files.stage(io.LimitReader(p, most+1), measureOptions{})
	if err != nil {
		return t.envelope(refusal{status: http.StatusBadRequest, message: "the multipart body is broken or cut off"}, "", 0)
	}
	form.image, form.name = image, p.FileName()
	if image.size > most {
		message := c.invalid("the image is larger than %d bytes", most)
		return t.envelope(refusal{status: closientTooLarge, message: message}, "", 0)
	}
	return nil
}

// PutClosientImage adds an image to a product as if somebody else had uploaded it
// in the dashboard, and returns its ID. The body is not checked.
func (s *Sandbox) PutClosientImage(organization, gtin, title string, primary bool, body []byte) (string, error) {
	org, ok := shortID(organization)
	if !ok {
		return "", fmt.Errorf("organization %q: want a shortuuid of 22 characters", organization)
	}
	image, err := s.files.stage(strings.NewReader(string(body)), measureOptions{})
	if err != nil {
		return "", err
	}
	i, err := s.closient.create(product{organization: org, gtin: gtin14(gtin), account: "somebody else"}, closientForm{
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

package simulate

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// PreDataLimit is how much may come before the file of an S3 form.
const PreDataLimit = 20 << 10

// FormHead is what comes before the bytes of a form's file.
type FormHead struct {
	Boundary string
	Fields   map[string]string
	File     textproto.MIMEHeader // nil: no file among the first bytes
	FileName string
}

// HeadOf reads the fields of a form from its first bytes, which stay to be read.
// Go's reader wants to see what follows a part before it gives the part's end, so
// what is there is taken as far as it goes.
func HeadOf(c *Call) (FormHead, error) {
	kind, params, err := mime.ParseMediaType(c.HTTP.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return FormHead{}, errors.New("it is no multipart/form-data with a boundary")
	}
	h := FormHead{Boundary: params["boundary"], Fields: map[string]string{}}
	r := multipart.NewReader(bytes.NewReader(c.Body.peek(PreDataLimit+4<<10)), h.Boundary)
	for {
		p, err := r.NextRawPart()
		if err != nil {
			return h, nil // no file so far: the caller decides what that means
		}
		if p.FormName() == "file" {
			h.File, h.FileName = p.Header, p.FileName()
			return h, nil
		}
		value, err := io.ReadAll(io.LimitReader(p, PreDataLimit))
		if err != nil {
			return h, nil
		}
		h.Fields[strings.ToLower(p.FormName())] = string(value)
	}
}

// CheckFileLast notes a form whose file is not its last part.
func (c *Call) CheckFileLast(names []string) {
	for i, name := range names {
		if name == "file" && i < len(names)-1 {
			c.Violation("file-not-last", "the form goes on after its file with %s", strings.Join(names[i+1:], ", "))
			return
		}
	}
}

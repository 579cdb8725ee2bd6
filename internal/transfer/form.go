package transfer

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// form is a multipart/form-data body of known length: all fields, then the
// file, which streams.
type form struct {
	io.Reader
	file        io.Closer
	length      int64
	contentType string
}

func (f *form) Close() error { return f.file.Close() }

func newForm(fields []upload.FormField, file upload.FormFile, source *reader, size int64) (*form, error) {
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	for _, field := range fields {
		if err := w.WriteField(field.Name, field.Value); err != nil {
			return nil, fmt.Errorf("form field %q: %w", field.Name, err)
		}
	}
	head := textproto.MIMEHeader{}
	head.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, quoted(file.Field), quoted(file.Name)))
	head.Set("Content-Type", file.Type)
	if _, err := w.CreatePart(head); err != nil {
		return nil, fmt.Errorf("form file %q: %w", file.Field, err)
	}
	before := frame.Len()
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("end of form: %w", err)
	}
	all := frame.Bytes()
	source.pulse.fields = int64(before)
	return &form{
		Reader:      io.MultiReader(bytes.NewReader(all[:before]), source, bytes.NewReader(all[before:])),
		file:        source,
		length:      int64(len(all)) + size,
		contentType: w.FormDataContentType(),
	}, nil
}

// quoted escapes what would end a quoted name in a form, as browsers do.
func quoted(name string) string {
	return strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name)
}

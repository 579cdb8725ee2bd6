package sandboxtest

import (
	"bytes"
	"mime/multipart"
	"net/textproto"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Field is one part of a form.
type Field struct{ Name, Value string }

// File is the file of a form: the name of its part, of the file, and its media type.
type File struct {
	Part, Name, Type string
	Body             []byte
}

// FormOf builds a multipart form; the file comes last.
func FormOf(t *testing.T, fields []Field, file File) (string, *bytes.Reader) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		require.NoError(t, w.WriteField(f.Name, f.Value))
	}
	if file.Part != "" {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="`+file.Part+`"; filename="`+file.Name+`"`)
		h.Set("Content-Type", file.Type)
		p, err := w.CreatePart(h)
		require.NoError(t, err)
		_, err = p.Write(file.Body)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), bytes.NewReader(b.Bytes())
}

// Swap is the form with another value of a field.
func Swap(f []Field, name, value string) []Field {
	out := slices.Clone(f)
	for i := range out {
		if out[i].Name == name {
			out[i].Value = value
		}
	}
	return out
}

// Drop is the form without a field.
func Drop(f []Field, name string) []Field {
	return slices.DeleteFunc(slices.Clone(f), func(x Field) bool { return x.Name == name })
}

// ReadAll reads what is left.
func ReadAll(r *bytes.Reader) ([]byte, error) {
	out := make([]byte, r.Len())
	_, err := r.Read(out)
	return out, err
}

// Fields are the fields of a form, from names and values in turn.
func Fields(words ...string) []Field {
	var fields []Field
	for i := 0; i+1 < len(words); i += 2 {
		fields = append(fields, Field{Name: words[i], Value: words[i+1]})
	}
	return fields
}

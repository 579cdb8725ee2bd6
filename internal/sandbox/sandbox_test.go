package sandbox

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start gives a sandbox whose processing takes no time and that limits nobody.
func start(t *testing.T, change ...func(*Options)) *Sandbox {
	t.Helper()
	settings := DefaultSettings().Instant().Unlimited()
	opts := Options{Dir: t.TempDir(), Settings: &settings}
	for _, c := range change {
		c(&opts)
	}
	s, err := Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// with changes the settings before the start.
func with(change func(*Settings)) func(*Options) {
	return func(o *Options) { change(o.Settings) }
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (a answered) json(t *testing.T) map[string]any {
	t.Helper()
	require.NoError(t, a.err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(a.body, &out), "%s", a.body)
	return out
}

// client never follows a redirect and never keeps a connection, so that each
// request has its own.
func client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
}

type headers map[string]string

func send(t *testing.T, method, url string, h headers, body io.Reader) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	for name, value := range h {
		req.Header.Set(name, value)
	}
	res, err := client().Do(req)
	if err != nil {
		return answered{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return answered{status: res.StatusCode, header: res.Header, body: raw, err: err}
}

func sendJSON(t *testing.T, method, url string, h headers, body string) answered {
	t.Helper()
	all := headers{"Content-Type": "application/json"}
	for name, value := range h {
		all[name] = value
	}
	return send(t, method, url, all, strings.NewReader(body))
}

// field is one part of a form.
type field struct{ name, value string }

// formOf builds a multipart form; the file comes last.
func formOf(t *testing.T, fields []field, fileField, fileName, fileType string, file []byte) (string, *bytes.Reader) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		require.NoError(t, w.WriteField(f.name, f.value))
	}
	if fileField != "" {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="`+fileField+`"; filename="`+fileName+`"`)
		h.Set("Content-Type", fileType)
		p, err := w.CreatePart(h)
		require.NoError(t, err)
		_, err = p.Write(file)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), bytes.NewReader(b.Bytes())
}

func picture(w, h int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x ^ y), 255})
		}
	}
	return img
}

func jpegOf(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, picture(w, h), nil))
	return b.Bytes()
}

func pngOf(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, picture(w, h)))
	return b.Bytes()
}

func noViolations(t *testing.T, s *Sandbox) {
	t.Helper()
	require.Empty(t, s.Ledger().Violations)
}

func violationKinds(s *Sandbox) []string {
	var out []string
	for _, v := range s.Ledger().Violations {
		out = append(out, v.Kind)
	}
	return out
}

package sandbox

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sitooEntity = "1RT823V93|SKU-001|DAMAGED|51076f94-b531-483c-884b-35ad67afa113"

func sitooToken() headers { return headers{"Authorization": "Bearer sandbox-sitoo-token"} }

func sitooOpen(t *testing.T, s *Sandbox, name, kind, entity string) map[string]any {
	t.Helper()
	a := sendJSON(t, "POST", s.URL()+"/sitoo/v1/media/upload-url", sitooToken(), fmt.Sprintf(
		`{"file_name":%q,"content_type":%q,"entity_type":"shipment_item","entity_id":%q}`, name, kind, entity))
	require.Equal(t, 200, a.status, "%s", a.body)
	return a.json(t)
}

// sitooFields are the given fields in a fixed order.
func sitooFields(grant map[string]any) []field {
	given := grant["fields"].(map[string]any)
	var out []field
	for _, name := range slices.Sorted(maps.Keys(given)) {
		out = append(out, field{name, given[name].(string)})
	}
	return out
}

func sitooSend(t *testing.T, grant map[string]any, fields []field, kind string, body []byte) answered {
	t.Helper()
	contentType, r := formOf(t, fields, "file", "damage.jpg", kind, body)
	return send(t, "POST", grant["upload_url"].(string), headers{"Content-Type": contentType}, r)
}

func sitooGet(t *testing.T, s *Sandbox, id any) map[string]any {
	t.Helper()
	a := send(t, "GET", s.URL()+"/sitoo/v1/media/"+id.(string), sitooToken(), nil)
	require.Equal(t, 200, a.status, "%s", a.body)
	return a.json(t)
}

func TestSitooTakesAPictureThroughASignedForm(t *testing.T) {
	s := start(t)
	body := pngOf(t, 300, 200)
	g := sitooOpen(t, s, "damage.png", "image/png", sitooEntity)
	require.InDelta(t, time.Now().Add(15*time.Minute).Unix(), g["upload_expires_at"], 60)
	waiting := sitooGet(t, s, g["file_id"])
	require.Equal(t, "uploading", waiting["status"])
	require.NotContains(t, waiting, "download_url")
	require.NotContains(t, waiting, "file_size")

	a := sitooSend(t, g, sitooFields(g), "image/png", body)
	require.Equal(t, 204, a.status, "%s", a.body)
	require.NotEmpty(t, a.header.Get("ETag"))

	f := sitooGet(t, s, g["file_id"])
	require.Equal(t, "ready", f["status"])
	require.Equal(t, "image/jpeg", f["content_type"])
	require.Equal(t, sitooEntity, f["entity_id"])
	full := send(t, "GET", f["download_url"].(string), nil, nil)
	require.Equal(t, 200, full.status)
	require.EqualValues(t, len(full.body), f["file_size"])
	small := send(t, "GET", f["thumbnail_url"].(string), nil, nil)
	img, err := jpeg.Decode(bytes.NewReader(small.body))
	require.NoError(t, err)
	require.Equal(t, 256, img.Bounds().Dx())
	require.Equal(t, 256, img.Bounds().Dy())

	noViolations(t, s)
	m := s.Ledger().Of("sitoo")
	require.Len(t, m, 1)
	require.Equal(t, sum(body), m[0].SHA256, "the ledger has what was sent")
	require.EqualValues(t, len(body), m[0].Size)
	require.Equal(t, sum(full.body), m[0].Processed.SHA256, "and what was made of it, apart")
	require.Equal(t, 300, m[0].Processed.Width)
	require.True(t, m[0].Visible)

	s.Advance(61 * time.Minute)
	require.Equal(t, 403, send(t, "GET", f["download_url"].(string), nil, nil).status, "links live an hour")
	require.Equal(t, 200, send(t, "GET", sitooGet(t, s, g["file_id"])["download_url"].(string), nil, nil).status)
}

func TestSitooCapsTheLongerSide(t *testing.T) {
	s := start(t)
	g := sitooOpen(t, s, "wide.jpg", "image/jpeg", sitooEntity)
	require.Equal(t, 204, sitooSend(t, g, sitooFields(g), "image/jpeg", jpegOf(t, 5000, 10)).status)
	p := s.Ledger().Of("sitoo")[0].Processed
	require.Equal(t, 4096, p.Width)
	require.Equal(t, 8, p.Height)
}

func TestSitooGoesThroughItsStates(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.Sitoo.Queue, v.Sitoo.Processing = seconds(60), seconds(60) }))
	g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
	require.Equal(t, "uploading", sitooGet(t, s, g["file_id"])["status"])
	require.Equal(t, 204, sitooSend(t, g, sitooFields(g), "image/jpeg", jpegOf(t, 8, 8)).status)
	require.Equal(t, "uploaded", sitooGet(t, s, g["file_id"])["status"])
	s.Advance(time.Minute)
	require.Equal(t, "processing", sitooGet(t, s, g["file_id"])["status"])
	s.Advance(time.Minute)
	require.Equal(t, "ready", sitooGet(t, s, g["file_id"])["status"])
}

func TestSitooFailsWhatDoesNotDecodeAsDeclared(t *testing.T) {
	s := start(t)
	g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
	require.Equal(t, 204, sitooSend(t, g, sitooFields(g), "image/jpeg", pngOf(t, 8, 8)).status)
	f := sitooGet(t, s, g["file_id"])
	require.Equal(t, "failed", f["status"])
	require.NotContains(t, f, "download_url")
}

func TestSitooRefusesWhatItsContractRefuses(t *testing.T) {
	s := start(t)
	good := `{"file_name":"a.jpg","content_type":"image/jpeg","entity_type":"shipment_item","entity_id":"1|2|3|4"}`
	for _, c := range []struct {
		name, body string
		header     headers
		status     int
		code       string
	}{
		{"no credentials", good, headers{}, 401, "ACCESS_DENIED"},
		{"a wrong token", good, headers{"Authorization": "Bearer x"}, 401, "ACCESS_DENIED"},
		{"a wrong password", good, headers{"Authorization": "Basic MTAwMjAtMTQwOng="}, 401, "ACCESS_DENIED"},
		{"HEIC", strings.Replace(good, "image/jpeg", "image/heic", 1), sitooToken(), 400, "INVALID_REQUEST"},
		{"another entity type", strings.Replace(good, "shipment_item", "product", 1), sitooToken(), 400, "INVALID_REQUEST"},
		{"no entity", strings.Replace(good, `"1|2|3|4"`, `""`, 1), sitooToken(), 400, "INVALID_REQUEST"},
		{"another name of the file name", strings.Replace(good, "file_name", "filename", 1), sitooToken(), 400, "INVALID_REQUEST"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := sendJSON(t, "POST", s.URL()+"/sitoo/v1/media/upload-url", c.header, c.body)
			require.Equal(t, c.status, a.status)
			doc := a.json(t)
			require.Equal(t, c.code, doc["error_code"])
			require.NotEmpty(t, doc["error_data"].(map[string]any)["message"])
			require.Len(t, doc["request_id"], 36)
		})
	}
	require.Equal(t, 404, send(t, "GET", s.URL()+"/sitoo/v1/media/nobody", sitooToken(), nil).status)
	basic := send(t, "GET", s.URL()+"/sitoo/v1/media/nobody", headers{"Authorization": "Basic MTAwMjAtMTQwOnNhbmRib3gtc2l0b28tcGFzc3dvcmQ="}, nil)
	require.Equal(t, 404, basic.status, "Basic is taken as well")
}

func TestSitooStorageRefusesFormsThatItsPolicyDoesNotAllow(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.Sitoo.MaxBytes = 1000 }))
	small := []byte("\xff\xd8\xff and so on")
	for _, c := range []struct {
		name   string
		change func([]field) []field
		body   []byte
		status int
		text   string
	}{
		{"a field more", func(f []field) []field { return append(f, field{"acl", "private"}) }, small, 403, "Extra input fields"},
		{"a field changed", func(f []field) []field { return swap(f, "Content-Type", "image/png") }, small, 403, "Policy Condition failed"},
		{"a field less", func(f []field) []field { return drop(f, "x-amz-date") }, small, 400, "InvalidArgument"},
		{"a key of our own", func(f []field) []field { return swap(f, "key", "uploads/mine") }, small, 403, "Policy Condition failed"},
		{"another signature", func(f []field) []field { return swap(f, "x-amz-signature", strings.Repeat("0", 64)) }, small, 403, "SignatureDoesNotMatch"},
		{"an empty file", func(f []field) []field { return f }, nil, 400, "EntityTooSmall"},
		{"a file that is too large", func(f []field) []field { return f }, make([]byte, 1001), 400, "EntityTooLarge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
			a := sitooSend(t, g, c.change(sitooFields(g)), "image/jpeg", c.body)
			require.Equal(t, c.status, a.status, "%s", a.body)
			require.Contains(t, string(a.body), c.text)
			require.Equal(t, "uploading", sitooGet(t, s, g["file_id"])["status"])
		})
	}
	t.Run("a form after its time", func(t *testing.T) {
		g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
		s.Advance(15*time.Minute + time.Second)
		a := sitooSend(t, g, sitooFields(g), "image/jpeg", small)
		require.Equal(t, 403, a.status)
		require.Contains(t, string(a.body), "Invalid according to Policy: Policy expired.")
	})
	t.Run("no form", func(t *testing.T) {
		g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
		a := send(t, "POST", g["upload_url"].(string), headers{"Content-Type": "image/jpeg"}, bytes.NewReader(small))
		require.Equal(t, 412, a.status)
	})
}

func swap(f []field, name, value string) []field {
	out := slices.Clone(f)
	for i := range out {
		if out[i].name == name {
			out[i].value = value
		}
	}
	return out
}

func drop(f []field, name string) []field {
	return slices.DeleteFunc(slices.Clone(f), func(x field) bool { return x.name == name })
}

func TestAFormThatGoesOnAfterItsFileIsNoted(t *testing.T) {
	s := start(t)
	g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
	contentType, r := formOf(t, sitooFields(g), "file", "a.jpg", "image/jpeg", jpegOf(t, 8, 8))
	raw, err := readAll(r)
	require.NoError(t, err)
	boundary := strings.TrimPrefix(contentType, "multipart/form-data; boundary=")
	end := []byte("\r\n--" + boundary + "--\r\n")
	more := []byte("\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=\"x-ignore-me\"\r\n\r\nlate" + string(end))
	a := send(t, "POST", g["upload_url"].(string), headers{"Content-Type": contentType}, bytes.NewReader(append(bytes.TrimSuffix(raw, end), more...)))
	require.Equal(t, 204, a.status, "%s", a.body)
	require.Equal(t, []string{"file-not-last"}, violationKinds(s))
}

func readAll(r *bytes.Reader) ([]byte, error) {
	out := make([]byte, r.Len())
	_, err := r.Read(out)
	return out, err
}

func TestSitooSearchesByAPrefixOfTheEntity(t *testing.T) {
	s := start(t)
	var want []any
	for i := range 5 {
		want = append(want, sitooOpen(t, s, "a.jpg", "image/jpeg", fmt.Sprintf("SHIP|%d", i))["file_id"])
	}
	sitooOpen(t, s, "a.jpg", "image/jpeg", "OTHER|1")
	var got []any
	cursor := ""
	for range 3 {
		a := send(t, "GET", s.URL()+"/sitoo/v1/media/search?entity_type=shipment_item&limit=2&entity_id="+url.QueryEscape("SHIP|")+cursor, sitooToken(), nil)
		require.Equal(t, 200, a.status)
		doc := a.json(t)
		for _, f := range doc["files"].([]any) {
			got = append(got, f.(map[string]any)["file_id"])
		}
		if doc["next_cursor"] == nil {
			break
		}
		cursor = "&cursor=" + doc["next_cursor"].(string)
	}
	require.Equal(t, want, got)
	require.Equal(t, 400, send(t, "GET", s.URL()+"/sitoo/v1/media/search?entity_type=shipment_item", sitooToken(), nil).status)
	require.Equal(t, 400, send(t, "GET", s.URL()+"/sitoo/v1/media/search?entity_type=shipment_item&entity_id=a&limit=101", sitooToken(), nil).status)
}

func TestAFormThatBreaksOffIsNotKept(t *testing.T) {
	s := start(t)
	for _, size := range []int{1000, 1 << 20} {
		g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
		u, err := url.Parse(g["upload_url"].(string))
		require.NoError(t, err)
		contentType, r := formOf(t, sitooFields(g), "file", "a.jpg", "image/jpeg", noise(size, 1))
		raw, err := readAll(r)
		require.NoError(t, err)
		conn, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", u.RequestURI(), u.Host, contentType, len(raw))
		require.NoError(t, err)
		_, err = conn.Write(raw[:len(raw)-size/2])
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.Eventually(t, func() bool {
			r := s.Requests("sitoo")
			return r[len(r)-1].Call == "post"
		}, time.Minute, time.Millisecond)
		require.Equal(t, "uploading", sitooGet(t, s, g["file_id"])["status"])
	}
}

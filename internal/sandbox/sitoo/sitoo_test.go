package sitoo_test

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
	"github.com/mediaferry/mediaferry/internal/sandbox/sitoo"
)

func TestSitooTakesAPictureThroughASignedForm(t *testing.T) {
	s := sandboxtest.Start(t)
	body := sandboxtest.PNG(t, 300, 200)
	g := sandboxtest.SitooOpen(t, s, "damage.png", "image/png", sandboxtest.SitooEntity)
	require.InDelta(t, time.Now().Add(15*time.Minute).Unix(), g["upload_expires_at"], 60)
	waiting := sandboxtest.SitooGet(t, s, g["file_id"])
	require.Equal(t, "uploading", waiting["status"])
	require.NotContains(t, waiting, "download_url")
	require.NotContains(t, waiting, "file_size")

	a := sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/png", body)
	require.Equal(t, 204, a.Status, "%s", a.Body)
	require.NotEmpty(t, a.Header.Get("ETag"))

	f := sandboxtest.SitooGet(t, s, g["file_id"])
	require.Equal(t, "ready", f["status"])
	require.Equal(t, "image/jpeg", f["content_type"])
	require.Equal(t, sandboxtest.SitooEntity, f["entity_id"])
	full := sandboxtest.Send(t, "GET", f["download_url"].(string), nil, nil)
	require.Equal(t, 200, full.Status)
	require.EqualValues(t, len(full.Body), f["file_size"])
	small := sandboxtest.Send(t, "GET", f["thumbnail_url"].(string), nil, nil)
	img, err := jpeg.Decode(bytes.NewReader(small.Body))
	require.NoError(t, err)
	require.Equal(t, 256, img.Bounds().Dx())
	require.Equal(t, 256, img.Bounds().Dy())

	sandboxtest.NoViolations(t, s)
	m := s.Ledger().Of("sitoo")
	require.Len(t, m, 1)
	require.Equal(t, sandboxtest.Sum(body), m[0].SHA256, "the ledger has what was sent")
	require.EqualValues(t, len(body), m[0].Size)
	require.Equal(t, sandboxtest.Sum(full.Body), m[0].Processed.SHA256, "and what was made of it, apart")
	require.Equal(t, 300, m[0].Processed.Width)
	require.True(t, m[0].Visible)

	s.Advance(61 * time.Minute)
	require.Equal(t, 403, sandboxtest.Send(t, "GET", f["download_url"].(string), nil, nil).Status, "links live an hour")
	require.Equal(t, 200, sandboxtest.Send(t, "GET", sandboxtest.SitooGet(t, s, g["file_id"])["download_url"].(string), nil, nil).Status)
}

func TestSitooCapsTheLongerSide(t *testing.T) {
	s := sandboxtest.Start(t)
	g := sandboxtest.SitooOpen(t, s, "wide.jpg", "image/jpeg", sandboxtest.SitooEntity)
	require.Equal(t, 204, sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", sandboxtest.JPEG(t, 5000, 10)).Status)
	p := s.Ledger().Of("sitoo")[0].Processed
	require.Equal(t, 4096, p.Width)
	require.Equal(t, 8, p.Height)
}

func TestSitooGoesThroughItsStates(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) {
		simulate.In[sitoo.Settings](v).Queue, simulate.In[sitoo.Settings](v).Processing = simulate.Seconds(60), simulate.Seconds(60)
	}))
	g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
	require.Equal(t, "uploading", sandboxtest.SitooGet(t, s, g["file_id"])["status"])
	require.Equal(t, 204, sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", sandboxtest.JPEG(t, 8, 8)).Status)
	require.Equal(t, "uploaded", sandboxtest.SitooGet(t, s, g["file_id"])["status"])
	s.Advance(time.Minute)
	require.Equal(t, "processing", sandboxtest.SitooGet(t, s, g["file_id"])["status"])
	s.Advance(time.Minute)
	require.Equal(t, "ready", sandboxtest.SitooGet(t, s, g["file_id"])["status"])
}

func TestSitooFailsWhatDoesNotDecodeAsDeclared(t *testing.T) {
	s := sandboxtest.Start(t)
	g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
	require.Equal(t, 204, sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", sandboxtest.PNG(t, 8, 8)).Status)
	f := sandboxtest.SitooGet(t, s, g["file_id"])
	require.Equal(t, "failed", f["status"])
	require.NotContains(t, f, "download_url")
}

func TestSitooRefusesWhatItsContractRefuses(t *testing.T) {
	s := sandboxtest.Start(t)
	good := `{"file_name":"a.jpg","content_type":"image/jpeg","entity_type":"shipment_item","entity_id":"1|2|3|4"}`
	for _, c := range []struct {
		name, body string
		header     sandboxtest.Headers
		status     int
		code       string
	}{
		{"no credentials", good, sandboxtest.Headers{}, 401, "ACCESS_DENIED"},
		{"a wrong token", good, sandboxtest.Headers{"Authorization": "Bearer x"}, 401, "ACCESS_DENIED"},
		{"a wrong password", good, sandboxtest.Headers{"Authorization": "Basic MTAwMjAtMTQwOng="}, 401, "ACCESS_DENIED"},
		{"HEIC", strings.Replace(good, "image/jpeg", "image/heic", 1), sandboxtest.SitooToken(), 400, "INVALID_REQUEST"},
		{"another entity type", strings.Replace(good, "shipment_item", "product", 1), sandboxtest.SitooToken(), 400, "INVALID_REQUEST"},
		{"no entity", strings.Replace(good, `"1|2|3|4"`, `""`, 1), sandboxtest.SitooToken(), 400, "INVALID_REQUEST"},
		{"another name of the file name", strings.Replace(good, "file_name", "filename", 1), sandboxtest.SitooToken(), 400, "INVALID_REQUEST"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := sandboxtest.SendJSON(t, "POST", s.URL()+"/sitoo/v1/media/upload-url", c.header, c.body)
			require.Equal(t, c.status, a.Status)
			doc := a.JSON(t)
			require.Equal(t, c.code, doc["error_code"])
			require.NotEmpty(t, doc["error_data"].(map[string]any)["message"])
			require.Len(t, doc["request_id"], 36)
		})
	}
	require.Equal(t, 404, sandboxtest.Send(t, "GET", s.URL()+"/sitoo/v1/media/nobody", sandboxtest.SitooToken(), nil).Status)
	basic := sandboxtest.Send(t, "GET", s.URL()+"/sitoo/v1/media/nobody", sandboxtest.Headers{"Authorization": "Basic MTAwMjAtMTQwOnNhbmRib3gtc2l0b28tcGFzc3dvcmQ="}, nil)
	require.Equal(t, 404, basic.Status, "Basic is taken as well")
}

func TestSitooStorageRefusesFormsThatItsPolicyDoesNotAllow(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) { simulate.In[sitoo.Settings](v).MaxBytes = 1000 }))
	small := []byte("\xff\xd8\xff and so on")
	for _, c := range []struct {
		name   string
		change func([]sandboxtest.Field) []sandboxtest.Field
		body   []byte
		status int
		text   string
	}{
		{"a field more", func(f []sandboxtest.Field) []sandboxtest.Field {
			return append(f, sandboxtest.Field{Name: "acl", Value: "private"})
		}, small, 403, "Extra input fields"},
		{"a field changed", func(f []sandboxtest.Field) []sandboxtest.Field {
			return sandboxtest.Swap(f, "Content-Type", "image/png")
		}, small, 403, "Policy Condition failed"},
		{"a field less", func(f []sandboxtest.Field) []sandboxtest.Field { return sandboxtest.Drop(f, "x-amz-date") }, small, 400, "InvalidArgument"},
		{"a key of our own", func(f []sandboxtest.Field) []sandboxtest.Field { return sandboxtest.Swap(f, "key", "uploads/mine") }, small, 403, "Policy Condition failed"},
		{"another signature", func(f []sandboxtest.Field) []sandboxtest.Field {
			return sandboxtest.Swap(f, "x-amz-signature", strings.Repeat("0", 64))
		}, small, 403, "SignatureDoesNotMatch"},
		{"an empty file", func(f []sandboxtest.Field) []sandboxtest.Field { return f }, nil, 400, "EntityTooSmall"},
		{"a file that is too large", func(f []sandboxtest.Field) []sandboxtest.Field { return f }, make([]byte, 1001), 400, "EntityTooLarge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
			a := sandboxtest.SitooSend(t, g, c.change(sandboxtest.SitooFields(g)), "image/jpeg", c.body)
			require.Equal(t, c.status, a.Status, "%s", a.Body)
			require.Contains(t, string(a.Body), c.text)
			require.Equal(t, "uploading", sandboxtest.SitooGet(t, s, g["file_id"])["status"])
		})
	}
	t.Run("a form after its time", func(t *testing.T) {
		g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
		s.Advance(15*time.Minute + time.Second)
		a := sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", small)
		require.Equal(t, 403, a.Status)
		require.Contains(t, string(a.Body), "Invalid according to Policy: Policy expired.")
	})
	t.Run("no form", func(t *testing.T) {
		g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
		a := sandboxtest.Send(t, "POST", g["upload_url"].(string), sandboxtest.Headers{"Content-Type": "image/jpeg"}, bytes.NewReader(small))
		require.Equal(t, 412, a.Status)
	})
}

func TestAFormThatGoesOnAfterItsFileIsNoted(t *testing.T) {
	s := sandboxtest.Start(t)
	g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
	contentType, r := sandboxtest.FormOf(t, sandboxtest.SitooFields(g), sandboxtest.File{Part: "file", Name: "a.jpg", Type: "image/jpeg", Body: sandboxtest.JPEG(t, 8, 8)})
	raw, err := sandboxtest.ReadAll(r)
	require.NoError(t, err)
	boundary := strings.TrimPrefix(contentType, "multipart/form-data; boundary=")
	end := []byte("\r\n--" + boundary + "--\r\n")
	more := []byte("\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=\"x-ignore-me\"\r\n\r\nlate" + string(end))
	a := sandboxtest.Send(t, "POST", g["upload_url"].(string), sandboxtest.Headers{"Content-Type": contentType}, bytes.NewReader(append(bytes.TrimSuffix(raw, end), more...)))
	require.Equal(t, 204, a.Status, "%s", a.Body)
	require.Equal(t, []string{"file-not-last"}, sandboxtest.ViolationKinds(s))
}

func TestSitooSearchesByAPrefixOfTheEntity(t *testing.T) {
	s := sandboxtest.Start(t)
	var want []any
	for i := range 5 {
		want = append(want, sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", fmt.Sprintf("SHIP|%d", i))["file_id"])
	}
	sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", "OTHER|1")
	var got []any
	cursor := ""
	for range 3 {
		a := sandboxtest.Send(t, "GET", s.URL()+"/sitoo/v1/media/search?entity_type=shipment_item&limit=2&entity_id="+url.QueryEscape("SHIP|")+cursor, sandboxtest.SitooToken(), nil)
		require.Equal(t, 200, a.Status)
		doc := a.JSON(t)
		for _, f := range doc["files"].([]any) {
			got = append(got, f.(map[string]any)["file_id"])
		}
		if doc["next_cursor"] == nil {
			break
		}
		cursor = "&cursor=" + doc["next_cursor"].(string)
	}
	require.Equal(t, want, got)
	require.Equal(t, 400, sandboxtest.Send(t, "GET", s.URL()+"/sitoo/v1/media/search?entity_type=shipment_item", sandboxtest.SitooToken(), nil).Status)
	require.Equal(t, 400, sandboxtest.Send(t, "GET", s.URL()+"/sitoo/v1/media/search?entity_type=shipment_item&entity_id=a&limit=101", sandboxtest.SitooToken(), nil).Status)
}

func TestAFormThatBreaksOffIsNotKept(t *testing.T) {
	s := sandboxtest.Start(t)
	for _, size := range []int{1000, 1 << 20} {
		g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
		u, err := url.Parse(g["upload_url"].(string))
		require.NoError(t, err)
		contentType, r := sandboxtest.FormOf(t, sandboxtest.SitooFields(g), sandboxtest.File{Part: "file", Name: "a.jpg", Type: "image/jpeg", Body: sandboxtest.Noise(size, 1)})
		raw, err := sandboxtest.ReadAll(r)
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
		require.Equal(t, "uploading", sandboxtest.SitooGet(t, s, g["file_id"])["status"])
	}
}

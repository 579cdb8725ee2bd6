package trustana_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
	"github.com/mediaferry/mediaferry/internal/sandbox/trustana"
)

func TestTrustanaTakesAPictureThroughSignedPUT(t *testing.T) {
	s := sandboxtest.Start(t)
	body := sandboxtest.JPEG(t, 40, 30)
	a := sandboxtest.SendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", sandboxtest.TrustanaKey(),
		`{"fileName":"product-image3.JPG","skuIds":["SKU123","SKU456"],"addToMediaGallery":true}`)
	require.Equal(t, 200, a.Status)
	doc := a.JSON(t)
	require.EqualValues(t, 0, doc["errorCode"])
	data := doc["data"].(map[string]any)
	require.EqualValues(t, 900, data["expiresIn"])
	require.Regexp(t, `^image-\d+-\d{13}\.jpg$`, data["fileName"])
	require.True(t, strings.HasPrefix(data["uploadId"].(string), "upl_"))
	require.True(t, strings.HasSuffix(data["finalUrl"].(string), data["fileName"].(string)))

	id := "uploadId=" + data["uploadId"].(string)
	require.Equal(t, 404, sandboxtest.TrustanaStatus(t, s, id).Status)
	require.Equal(t, 404, sandboxtest.Send(t, "GET", data["finalUrl"].(string), nil, nil).Status)

	put := sandboxtest.Send(t, "PUT", data["uploadUrl"].(string), sandboxtest.Headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body))
	require.Equal(t, 200, put.Status, "%s", put.Body)
	md := md5.Sum(body)
	require.Equal(t, `"`+hex.EncodeToString(md[:])+`"`, put.Header.Get("ETag"))
	require.Empty(t, put.Body)
	require.NotEmpty(t, put.Header.Get("x-amz-request-id"))

	byID := sandboxtest.TrustanaStatus(t, s, id).JSON(t)["data"].(map[string]any)
	byName := sandboxtest.TrustanaStatus(t, s, "fileName="+data["fileName"].(string)).JSON(t)["data"].(map[string]any)
	require.Equal(t, byID, byName)
	require.Regexp(t, `^IM\d{8}$`, byID["fileId"])
	require.Equal(t, "product-image3.JPG", byID["originalName"])
	require.EqualValues(t, len(body), byID["size"])
	require.Equal(t, "image/jpeg", byID["format"])

	final := sandboxtest.Send(t, "GET", data["finalUrl"].(string), nil, nil)
	require.Equal(t, body, final.Body)

	sandboxtest.NoViolations(t, s)
	m := s.Ledger().Of("trustana")
	require.Len(t, m, 1)
	require.Equal(t, byID["fileId"], m[0].MediaID)
	require.Equal(t, "ready", m[0].State)
	require.True(t, m[0].Visible)
	require.Equal(t, sandboxtest.Sum(body), m[0].SHA256)
	require.Equal(t, 1, m[0].Received)
	require.Equal(t, []string{"SKU123", "SKU456"}, m[0].Fields["skuIds"])
}

func TestTrustanaRefusesWhatItsContractRefuses(t *testing.T) {
	s := sandboxtest.Start(t)
	var many []string
	for i := range 101 {
		many = append(many, strconv.Quote(fmt.Sprint("S", i)))
	}
	for _, c := range []struct {
		name, body string
		header     sandboxtest.Headers
		status     int
		violation  string
	}{
		{"no key", `{"fileName":"a.jpg"}`, sandboxtest.Headers{}, 401, "missing-credentials"},
		{"a wrong key", `{"fileName":"a.jpg"}`, sandboxtest.Headers{"X-API-Key": "nope"}, 401, ""},
		{"a key in the wrong header", `{"fileName":"a.jpg"}`, sandboxtest.Headers{"Authorization": "Bearer sandbox-trustana-key"}, 401, "missing-credentials"},
		{"an extension that is not listed", `{"fileName":"a.tif"}`, sandboxtest.TrustanaKey(), 400, "invalid-request"},
		{"no extension", `{"fileName":"a"}`, sandboxtest.TrustanaKey(), 400, "invalid-request"},
		{"another spelling of fileName", `{"filename":"a.jpg"}`, sandboxtest.TrustanaKey(), 400, "unknown-field"},
		{"too many SKUs", `{"fileName":"a.jpg","skuIds":[` + strings.Join(many, ",") + `]}`, sandboxtest.TrustanaKey(), 400, "invalid-request"},
		{"a SKU twice", `{"fileName":"a.jpg","skuIds":["A","A"]}`, sandboxtest.TrustanaKey(), 400, "invalid-request"},
		{"SKUs that are no list", `{"fileName":"a.jpg","skuIds":"A"}`, sandboxtest.TrustanaKey(), 400, "invalid-request"},
		{"no JSON", `fileName=a.jpg`, sandboxtest.TrustanaKey(), 400, "invalid-request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(sandboxtest.ViolationKinds(s))
			a := sandboxtest.SendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", c.header, c.body)
			require.Equal(t, c.status, a.Status, "%s", a.Body)
			doc := a.JSON(t)
			require.EqualValues(t, c.status, doc["errorCode"])
			require.NotEmpty(t, doc["message"])
			if got := sandboxtest.ViolationKinds(s)[before:]; c.violation == "" {
				require.Empty(t, got)
			} else {
				require.Contains(t, got, c.violation)
			}
		})
	}
	require.Empty(t, s.Ledger().Of("trustana"), "nothing that was refused may leave a session")
	require.Equal(t, 400, sandboxtest.TrustanaStatus(t, s, "").Status)
	require.Equal(t, 400, sandboxtest.TrustanaStatus(t, s, "uploadId=a&fileName=b").Status)
	require.Equal(t, 404, sandboxtest.Send(t, "POST", s.URL()+"/trustana/v1/upload/complete", sandboxtest.TrustanaKey(), nil).Status)
	require.Equal(t, 405, sandboxtest.Send(t, "GET", s.URL()+"/trustana/v1/upload/prepare", sandboxtest.TrustanaKey(), nil).Status)
}

func TestTrustanaStorageRefusesWhatS3Refuses(t *testing.T) {
	s := sandboxtest.Start(t)
	body := sandboxtest.JPEG(t, 8, 8)
	jpg := sandboxtest.Headers{"Content-Type": "image/jpeg"}
	t.Run("a changed signature", func(t *testing.T) {
		u := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := sandboxtest.Send(t, "PUT", strings.Replace(u, "X-Amz-Signature=", "X-Amz-Signature=0", 1), jpg, bytes.NewReader(body))
		require.Equal(t, 403, a.Status)
		require.Contains(t, string(a.Body), "<Code>SignatureDoesNotMatch</Code>")
	})
	t.Run("a changed signature and a body that the gateway does not read", func(t *testing.T) {
		u := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
		for range 5 {
			a := sandboxtest.Send(t, "PUT", strings.Replace(u, "X-Amz-Signature=", "X-Amz-Signature=0", 1), jpg, bytes.NewReader(make([]byte, 6<<20)))
			require.NoError(t, a.Err)
			require.Equal(t, 403, a.Status, "%s", a.Body)
		}
	})
	t.Run("credentials beside the signature", func(t *testing.T) {
		u := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := sandboxtest.Send(t, "PUT", u, sandboxtest.Headers{"Content-Type": "image/jpeg", "Authorization": "Bearer x"}, bytes.NewReader(body))
		require.Equal(t, 400, a.Status)
		require.Contains(t, string(a.Body), "<Code>InvalidArgument</Code>")
		require.Contains(t, sandboxtest.ViolationKinds(s), "credentials-at-storage")
	})
	t.Run("an API key on the storage host is noted", func(t *testing.T) {
		before := len(sandboxtest.ViolationKinds(s))
		u := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := sandboxtest.Send(t, "PUT", u, sandboxtest.Headers{"Content-Type": "image/jpeg", "X-API-Key": "k"}, bytes.NewReader(body))
		require.Equal(t, 200, a.Status)
		require.Equal(t, []string{"credentials-at-storage"}, sandboxtest.ViolationKinds(s)[before:])
	})
	t.Run("a body of unknown length", func(t *testing.T) {
		u := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := sandboxtest.Send(t, "PUT", u, jpg, struct{ *bytes.Reader }{bytes.NewReader(body)})
		require.Equal(t, 411, a.Status)
		require.Contains(t, string(a.Body), "MissingContentLength")
		require.Contains(t, sandboxtest.ViolationKinds(s), "chunked-body")
	})
	t.Run("a wrong content type is noted", func(t *testing.T) {
		u := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := sandboxtest.Send(t, "PUT", u, sandboxtest.Headers{"Content-Type": "image/png"}, bytes.NewReader(body))
		require.Equal(t, 200, a.Status)
		require.Contains(t, sandboxtest.ViolationKinds(s), "content-type")
	})
	t.Run("a wrong MD5", func(t *testing.T) {
		u := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := sandboxtest.Send(t, "PUT", u, sandboxtest.Headers{"Content-Type": "image/jpeg", "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, bytes.NewReader(body))
		require.Equal(t, 400, a.Status)
		require.Contains(t, string(a.Body), "BadDigest")
	})
	t.Run("a GET of what is not public", func(t *testing.T) {
		u, err := url.Parse(sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string))
		require.NoError(t, err)
		u.RawQuery = ""
		require.Equal(t, 403, sandboxtest.Send(t, "GET", u.String(), nil, nil).Status)
	})
}

func TestTrustanaSignsTheContentTypeInStrictMode(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) { simulate.In[trustana.Settings](v).SignContentType = true }))
	body := sandboxtest.JPEG(t, 8, 8)
	u := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
	wrong := sandboxtest.Send(t, "PUT", u, sandboxtest.Headers{"Content-Type": "image/png"}, bytes.NewReader(body))
	require.Equal(t, 403, wrong.Status)
	require.Contains(t, string(wrong.Body), "SignatureDoesNotMatch")
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", u, sandboxtest.Headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body)).Status)
}

func TestTrustanaGrantExpiresByTheSandboxClock(t *testing.T) {
	s := sandboxtest.Start(t)
	body := sandboxtest.JPEG(t, 8, 8)
	old := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	s.Advance(901 * time.Second)
	a := sandboxtest.Send(t, "PUT", old["uploadUrl"].(string), sandboxtest.Headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body))
	require.Equal(t, 403, a.Status)
	require.Contains(t, string(a.Body), "<Code>AccessDenied</Code>")
	require.Contains(t, string(a.Body), "Request has expired")
	require.Contains(t, string(a.Body), "<X-Amz-Expires>900</X-Amz-Expires>")
	fresh := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", fresh["uploadUrl"].(string), sandboxtest.Headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body)).Status)
	sandboxtest.NoViolations(t, s)
}

func TestTrustanaProcessingTakesTheTimeItIsGiven(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) { simulate.In[trustana.Settings](v).Processing = simulate.Seconds(60) }))
	d := sandboxtest.TrustanaPrepared(t, s, "a.png")
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", d["uploadUrl"].(string), sandboxtest.Headers{"Content-Type": "image/png"}, bytes.NewReader(sandboxtest.PNG(t, 8, 8))).Status)
	id := "uploadId=" + d["uploadId"].(string)
	require.Equal(t, 404, sandboxtest.TrustanaStatus(t, s, id).Status)
	require.Equal(t, "processing", s.Ledger().Of("trustana")[0].State)
	s.Advance(time.Minute)
	require.Equal(t, 200, sandboxtest.TrustanaStatus(t, s, id).Status)
}

func TestTrustanaNeverFinishesWhatIsNoImage(t *testing.T) {
	s := sandboxtest.Start(t)
	d := sandboxtest.TrustanaPrepared(t, s, "a.png")
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", d["uploadUrl"].(string), sandboxtest.Headers{"Content-Type": "image/png"}, strings.NewReader("no image")).Status)
	s.Advance(time.Hour)
	require.Equal(t, 404, sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).Status)
	require.False(t, s.Ledger().Of("trustana")[0].Visible)
}

func TestTrustanaLimitsEachKey(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) {
		simulate.In[trustana.Settings](v).RequestsPerSecond, simulate.In[trustana.Settings](v).Burst = 0.001, 2
	}))
	for range 2 {
		sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	}
	a := sandboxtest.TrustanaStatus(t, s, "uploadId=x")
	require.Equal(t, http.StatusTooManyRequests, a.Status)
	after, err := strconv.Atoi(a.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, after)
	s.Advance(time.Duration(after) * time.Second)
	require.Equal(t, 404, sandboxtest.TrustanaStatus(t, s, "uploadId=x").Status)
}

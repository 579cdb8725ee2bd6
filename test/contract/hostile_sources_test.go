package contract

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// hostileSource is a web server that a row names as its source.
type hostileSource struct {
	name  string
	reply func(body []byte) reply
	state upload.State
	kind  upload.Kind
	says  string
}

func TestAHostileSourceDoesNoHarm(t *testing.T) {
	for _, h := range hostileSources {
		t.Run(h.name, func(t *testing.T) {
			w := newWorld(t, "trustana", nil)
			im := imposture(t, hostile{vendor: "trustana"})
			w.origin = im.URL
			source := httptest.NewServer(http.HandlerFunc(h.reply(w.sample())))
			t.Cleanup(source.Close)
			item := w.item("a")
			item.Source, item.Queue = source.URL+"/a.jpg?X-Amz-Signature="+plantedSignature, ""
			peak := watchMemory(t)
			ended := w.run(item)
			require.Less(t, peak(), uint64(mostMemory), "bytes of memory")
			w.planted = append(w.planted, plantedSignature)
			w.requireEnd(h.state, h.kind, h.says, ended)
			if h.state != upload.StateReady {
				require.Zero(t, im.calls["status"], "nothing was sent")
			}
		})
	}
}

// web is a source that answers the same to everybody.
func web(r reply) func([]byte) reply { return func([]byte) reply { return r } }

// serving is a source as it should be, with these headers instead: name, value.
func serving(header ...string) func([]byte) reply {
	return func(body []byte) reply {
		return func(out http.ResponseWriter, r *http.Request) {
			out.Header().Set("ETag", `"e"`)
			for i := 0; i < len(header); i += 2 {
				out.Header().Set(header[i], header[i+1])
			}
			http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(body))
		}
	}
}

// ranged is a source that answers every request with this Content-Range.
func ranged(contentRange string) func([]byte) reply {
	return func(body []byte) reply {
		return replying(206, string(body[:100]), "ETag", `"e"`, "Content-Range", contentRange, "Content-Type", "image/jpeg")
	}
}

// holding is a source of these bytes.
func holding(body []byte, kind string) func([]byte) reply {
	return func([]byte) reply { return serving("Content-Type", kind)(body) }
}

var hostileSources = []hostileSource{
	{"a source without a length or an end", web(endlessly("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n", of("\xff\xd8\xff", 1000))), failed, upload.KindInvalid, "unknown size"},
	{"a source of a terabyte", web(rawly("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 1099511627776\r\n\r\n\xff\xd8\xff")), failed, upload.KindUnavailable, ""},
	{"a source that is shorter than it says", web(rawly("HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Type: image/jpeg\r\nContent-Length: 100000\r\n\r\n\xff\xd8\xff")), failed, upload.KindUnavailable, ""},
	{"a source with a header without an end", web(endlessly("HTTP/1.1 200 OK\r\nX-A: ", of("a", 4096))), failed, upload.KindUnavailable, ""},
	{"a source with interim answers without an end", web(endlessly("", of("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 64))), failed, upload.KindUnavailable, ""},
	{"a range that was not asked for", ranged("bytes 5000-5099/100000"), failed, upload.KindUnavailable, "instead of"},
	{"a range that ends before it begins", ranged("bytes 99-0/100"), failed, upload.KindUnavailable, ""},
	{"a range below zero", ranged("bytes -5-99/100"), failed, upload.KindUnavailable, "invalid range"},
	{"a range beyond any number", ranged("bytes 0-99999999999999999999/99999999999999999999"), failed, upload.KindUnavailable, "invalid range"},
	{"a range of an exabyte", ranged("bytes 0-3071/9223372036854775807"), failed, upload.KindUnavailable, ""},
	{"a range of a whole that is smaller", ranged("bytes 0-99/50"), failed, upload.KindUnavailable, ""},
	{"a range with commands for terminals", ranged("bytes \u202e\u200b/x"), failed, upload.KindUnavailable, "invalid range"},
	{"a range of an unknown whole", ranged("bytes 0-99/*"), failed, upload.KindInvalid, "unknown size"},
	{"a range without saying which", web(replying(206, "\xff\xd8\xff", "Content-Type", "image/jpeg")), failed, upload.KindUnavailable, "several ranges"},
	{"several ranges in one body", web(replying(206, "--x\r\n\r\n", "Content-Type", "multipart/byteranges; boundary=x")), failed, upload.KindUnavailable, "several ranges"},
	{"a source that is a bomb of gzip", web(lazily(func() reply {
		return replying(200, gzipBomb(), "Content-Encoding", "gzip", "Content-Type", "image/jpeg")
	})), failed, upload.KindInvalid, "content encoding"},
	{"a source with another validator each time", func(body []byte) reply {
		n := 0
		return func(out http.ResponseWriter, r *http.Request) {
			n++
			serving("ETag", fmt.Sprintf(`"%d"`, n))(body)(out, r)
		}
	}, ready, "", ""},
	{"a source that redirects to a file", web(replying(302, "", "Location", "file:///etc/passwd")), failed, upload.KindInvalid, "not an https: URL"},
	{"a source that redirects to gopher", web(replying(302, "", "Location", "gopher://127.0.0.1:70/")), failed, upload.KindInvalid, "not an https: URL"},
	{"a source that redirects to itself", web(replying(302, "", "Location", "/a.jpg")), failed, upload.KindInvalid, "redirects more than"},
	{"a source that redirects to no address", web(replying(302, "", "Location", "http://[::1")), failed, upload.KindInvalid, "invalid URL"},
	{"a source that redirects to a host in colours", web(replying(302, "", "Location", "evil://\u202ehost/")), failed, upload.KindInvalid, ""},
	{"a source that is a page", web(replying(200, "<html><script>alert(1)</script>", "Content-Type", "text/html")), failed, upload.KindInvalid, ""},
	{"a page that says that it is a picture", holding([]byte("<html><script>alert(1)</script>"), "image/jpeg"), failed, upload.KindInvalid, ""},
	{"a program that says that it is a picture", holding([]byte("\x7fELF\x02\x01\x01"+strings.Repeat("\x00", 500)), "image/jpeg"), failed, upload.KindInvalid, ""},
	{"an archive that says that it is a picture", holding([]byte("PK\x03\x04"+strings.Repeat("\x00", 500)), "image/png"), failed, upload.KindInvalid, ""},
	{"a drawing with a script that says that it is a picture", holding([]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>`), "image/jpeg"), failed, upload.KindInvalid, ""},
	{"a picture that says that it is as large as a town", holding(hugeJPEG(), "image/jpeg"), ready, "", ""},
	{"a source with a media type in colours", serving("Content-Type", "image/\u202ejpeg; x=\u200b"), ready, "", ""},
	{"a source with a media type of 100 kB", serving("Content-Type", "image/"+strings.Repeat("j", 100_000)), ready, "", ""},
	{"a source with an ETag of 100 kB", serving("ETag", `"`+strings.Repeat("e", 100_000)+`"`), ready, "", ""},
	{"a source with an ETag in colours", serving("ETag", "\"\u202e\u200be\""), ready, "", ""},
	{"a source with a date of the year 9999", serving("Last-Modified", "Fri, 31 Dec 9999 23:59:59 GMT"), ready, "", ""},
	{"a source with a name that leads elsewhere", serving("Content-Disposition", `attachment; filename="../../../etc/passwd.jpg"`), ready, "", ""},
	{"a source that asks to log in", web(replying(401, "", "WWW-Authenticate", `Basic realm="\u202e"`)), failed, upload.KindInvalid, ""},
	{"a source that sets cookies", serving("Set-Cookie", "a=b"), ready, "", ""},
	{"a source that is empty", web(replying(200, "", "Content-Type", "image/jpeg")), failed, upload.KindInvalid, "is empty"},
	{"a source without anything new", web(replying(304, "")), failed, upload.KindInvalid, ""},
	{"a source whose range is never satisfied", web(replying(416, "", "Content-Range", "bytes */\u202e")), failed, upload.KindInvalid, "is empty"},
	{"a source that asks to wait for three thousand years", func(body []byte) reply {
		n := 0
		return func(out http.ResponseWriter, r *http.Request) {
			if n++; n == 1 {
				replying(503, "", "Retry-After", "99999999999")(out, r)
				return
			}
			serving()(body)(out, r)
		}
	}, ready, "", ""},
}

// hugeJPEG is a progressive picture of 65,535 by 65,535 pixels and four components, in
// some bytes.
func hugeJPEG() []byte {
	frame := []byte{8, 0xff, 0xff, 0xff, 0xff, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0}
	out := []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc2\x00\x14")
	return append(append(out, frame...), "\xff\xda\x00\x02\x00\xff\xd9"...)
}

// hostileFile is what stands where a row's path leads.
type hostileFile struct {
	name string
	make func(t *testing.T, dir string) (path string)
	kind upload.Kind // "": it is sent
	says string
}

func TestAHostileFileDoesNoHarm(t *testing.T) {
	for _, h := range hostileFiles {
		t.Run(h.name, func(t *testing.T) {
			w := newWorld(t, "trustana", nil)
			im := imposture(t, hostile{vendor: "trustana"})
			w.origin = im.URL
			item := w.item("a")
			item.Source = h.make(t, w.dir)
			peak := watchMemory(t)
			ended := w.run(item)
			require.Less(t, peak(), uint64(mostMemory), "bytes of memory")
			if h.kind == "" {
				w.requireEnd(upload.StateReady, "", "", ended)
				return
			}
			w.requireEnd(upload.StateFailed, h.kind, h.says, ended)
			require.Empty(t, im.requests, "nothing was asked")
		})
	}
}

// at is a path that is there already, or never.
func at(path string) func(*testing.T, string) string {
	return func(*testing.T, string) string { return path }
}

// linked is a link to a path.
func linked(to string) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		link := filepath.Join(dir, "link.jpg")
		require.NoError(t, os.Symlink(to, link))
		return link
	}
}

// sized is a sparse file of so many bytes that begins like a picture.
func sized(size int64) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		path := filepath.Join(dir, "sparse.jpg")
		require.NoError(t, os.WriteFile(path, []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), 0o600))
		require.NoError(t, os.Truncate(path, size))
		return path
	}
}

var hostileFiles = []hostileFile{
	{"a pipe that nobody writes to", func(t *testing.T, dir string) string {
		path := filepath.Join(dir, "pipe.jpg")
		require.NoError(t, syscall.Mkfifo(path, 0o600))
		return path
	}, upload.KindInvalid, "regular file"},
	{"a socket", func(t *testing.T, _ string) string {
		dir, err := os.MkdirTemp("", "s") // a socket's path is short
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, "s.jpg"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		return filepath.Join(dir, "s.jpg")
	}, upload.KindInvalid, "regular file"},
	{"a device without an end", at("/dev/zero"), upload.KindInvalid, "regular file"},
	{"a device of random bytes", at("/dev/urandom"), upload.KindInvalid, "regular file"},
	{"a device without bytes", at("/dev/null"), upload.KindInvalid, "regular file"},
	{"a terminal", at("/dev/tty"), upload.KindInvalid, ""},
	{"the memory of this process", at("/proc/self/mem"), upload.KindInvalid, "is empty"},
	{"the environment of this process", at("/proc/self/environ"), upload.KindInvalid, "is empty"},
	{"the standard input of this process", at("/proc/self/fd/0"), upload.KindInvalid, ""},
	{"a folder", func(_ *testing.T, dir string) string { return dir }, upload.KindInvalid, ""},
	{"a file as a folder", func(t *testing.T, dir string) string { return filepath.Join(sized(100)(t, dir), "x.jpg") }, upload.KindInvalid, ""},
	{"a link to itself", linked("link.jpg"), upload.KindInvalid, ""},
	{"a link to a device without an end", linked("/dev/zero"), upload.KindInvalid, "regular file"},
	{"a link to what is not there", linked("/nowhere"), upload.KindInvalid, ""},
	{"a sparse file of a terabyte", sized(1 << 40), upload.KindInvalid, ""},
	{"a file that no vendor takes by a byte", sized(50<<20 + 1), upload.KindInvalid, ""},
	{"an empty file", sized(0), upload.KindInvalid, "is empty"},
	{"a path with NUL", at("/tmp/a\x00.jpg"), upload.KindInvalid, ""},
	{"a path in colours", at("/tmp/\x1b]0;pwned\x07\u202egnp.jpg"), upload.KindInvalid, ""},
	{"a path of a hundred thousand characters", at("/" + strings.Repeat("a/", 50_000)), upload.KindInvalid, ""},
	{"a name of a thousand characters", at("/tmp/" + strings.Repeat("a", 1000)), upload.KindInvalid, ""},
	{"a file whose name has a header in it", func(t *testing.T, dir string) string {
		path := filepath.Join(dir, "a\"\r\nX-Evil: 1\r\n\r\n.jpg")
		require.NoError(t, os.WriteFile(path, []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"+strings.Repeat("x", 100)), 0o600))
		return path
	}, "", ""},
}

package transfer

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAPutHasALengthAndTheSessionsOwnHeadersAndNothingElse(t *testing.T) {
	server := record(t, answers(http.StatusOK, map[string]string{"ETag": `"abc"`}, ""))
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	answer, err := Send(t.Context(), client(t), put(server.URL+"/bucket/key"+signed), bytesBody(data), Want{}, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.Status)
	require.True(t, answer.Whole)
	require.EqualValues(t, len(data), answer.Sent)

	require.Len(t, server.requests(), 1)
	got := server.requests()[0]
	require.Equal(t, http.MethodPut, got.method)
	require.Equal(t, "/bucket/key"+signed, got.uri)
	require.EqualValues(t, len(data), got.length)
	require.False(t, got.chunked)
	require.Equal(t, data, got.body)
	require.Equal(t, "image/jpeg", got.header.Get("Content-Type"))
	for name := range got.header {
		require.Contains(t, []string{"Content-Type", "Content-Length", "User-Agent"}, name)
	}
}

func TestAFormHasALengthAndItsFieldsInOrderAndTheFileLast(t *testing.T) {
	server := record(t, answers(http.StatusNoContent, nil, ""))
	data := bytes.Repeat([]byte("jpeg"), 50_000)
	target := Target{
		Method: upload.MethodForm, URL: server.URL + "/",
		Header: map[string]string{"X-Api-Key": "k", "Content-Type": "must not win"},
		Form:   []upload.FormField{{Name: "key", Value: "a/b"}, {Name: "policy", Value: "eyJ="}, {Name: "Content-Type", Value: "image/jpeg"}, {Name: "empty", Value: ""}},
		File:   upload.FormFile{Field: "file", Name: "a.jpg", Type: "image/jpeg"},
	}
	answer, err := Send(t.Context(), client(t), target, bytesBody(data), Want{}, nil)
	require.NoError(t, err)
	require.EqualValues(t, len(data), answer.Sent, "fields are not of the medium")

	got := server.requests()[0]
	require.Equal(t, http.MethodPost, got.method)
	require.False(t, got.chunked)
	require.EqualValues(t, len(got.body), got.length)
	require.Equal(t, "k", got.header.Get("X-Api-Key"))
	kind, parameters, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/form-data", kind)

	names := []string{}
	reader := multipart.NewReader(bytes.NewReader(got.body), parameters["boundary"])
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		names = append(names, part.FormName())
		content, err := io.ReadAll(part)
		require.NoError(t, err)
		if part.FormName() == "file" {
			require.Equal(t, data, content)
			require.Equal(t, "a.jpg", part.FileName())
			require.Equal(t, "image/jpeg", part.Header.Get("Content-Type"))
			continue
		}
		require.Empty(t, part.FileName())
		require.Empty(t, part.Header.Get("Content-Type"), "stores take a type for a file's")
	}
	require.Equal(t, []string{"key", "policy", "Content-Type", "empty", "file"}, names)
}

func TestNamesInAFormAreQuoted(t *testing.T) {
	for name, want := range map[string]string{
		`plain.jpg`:              `filename="plain.jpg"`,
		`with "quotes".jpg`:      `filename="with %22quotes%22.jpg"`,
		"line\r\nX-Evil: 1.jpg":  `filename="line%0D%0AX-Evil: 1.jpg"`,
		`Käse „50 %“ 奶酪.jpg`:     `filename="Käse „50 %“ 奶酪.jpg"`,
		`back\slash.jpg`:         `filename="back\slash.jpg"`,
		`semi; filename="x".jpg`: `filename="semi; filename=%22x%22.jpg"`,
	} {
		t.Run(name, func(t *testing.T) {
			server := record(t, answers(http.StatusNoContent, nil, ""))
			target := Target{
				Method: upload.MethodForm, URL: server.URL,
				File: upload.FormFile{Field: "file", Name: name, Type: "image/jpeg"},
			}
			_, err := Send(t.Context(), client(t), target, bytesBody([]byte("x")), Want{}, nil)
			require.NoError(t, err)
			got := server.requests()[0]
			require.Contains(t, string(got.body), `Content-Disposition: form-data; name="file"; `+want+"\r\n")
			require.NotContains(t, string(got.body), "\r\nX-Evil")
			require.EqualValues(t, len(got.body), got.length)
		})
	}
}

func TestARedirectIsFollowedOnceWithTheBodyAndNothingElse(t *testing.T) {
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			second := record(t, answers(http.StatusOK, map[string]string{"ETag": `"there"`}, ""))
			first := record(t, answers(status, map[string]string{"Location": second.URL + "/key" + signed, "Set-Cookie": "a=b"}, ""))
			data := []byte("0123456789")
			opened := 0
			body := bytesBody(data)
			open := body.Open
			body.Open = countOpens(&opened, open)
			meter := new(Meter)
			answer, err := Send(t.Context(), client(t), put(first.URL+"/key"), body, Want{MD5: true}, meter)
			require.NoError(t, err)
			require.Equal(t, `"there"`, answer.Header.Get("ETag"))
			require.Equal(t, 2, opened)
			require.EqualValues(t, 20, answer.Sent, "repeats count")
			require.EqualValues(t, 20, meter.Sent())
			require.Equal(t, "781e5e245d69b566979b86e28d23f2c7", answer.Sums.MD5)

			require.Len(t, first.requests(), 1)
			require.Len(t, second.requests(), 1)
			got := second.requests()[0]
			require.Equal(t, http.MethodPut, got.method)
			require.Equal(t, "/key"+signed, got.uri)
			require.Equal(t, data, got.body)
			require.False(t, got.chunked)
			for name := range got.header {
				require.Contains(t, []string{"Content-Type", "Content-Length", "User-Agent"}, name)
			}
		})
	}
}

func TestARedirectIsAnAnswerWhereItMustNotBeFollowed(t *testing.T) {
	elsewhere := record(t, answers(http.StatusOK, nil, ""))
	for name, c := range map[string]struct {
		location string
		anchored bool
	}{
		"an anchored target, whose headers hold credentials": {location: elsewhere.URL, anchored: true},
		"no location":                        {},
		"a location that is no URL":          {location: "http://[::1"},
		"a scheme that is not followed back": {location: "://"},
	} {
		t.Run(name, func(t *testing.T) {
			server := record(t, answers(http.StatusTemporaryRedirect, map[string]string{"Location": c.location}, ""))
			target := put(server.URL)
			target.Anchored = c.anchored
			answer, err := Send(t.Context(), client(t), target, bytesBody([]byte("x")), Want{}, nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusTemporaryRedirect, answer.Status)
			require.Len(t, server.requests(), 1)
		})
	}
	require.Empty(t, elsewhere.requests())
}

func TestASecondRedirectIsAnAnswer(t *testing.T) {
	server := record(t, answers(http.StatusTemporaryRedirect, map[string]string{"Location": "/again"}, ""))
	answer, err := Send(t.Context(), client(t), put(server.URL), bytesBody([]byte("x")), Want{}, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusTemporaryRedirect, answer.Status)
	require.Len(t, server.requests(), 2)
	require.EqualValues(t, 2, answer.Sent)
}

func TestResolveKeepsToWhatIsSafe(t *testing.T) {
	for _, c := range []struct{ name, base, location, want string }{
		{"a path of the same host", "https://a/x?y", "/z?w", "https://a/z?w"},
		{"another host", "https://a/x", "https://b/z", "https://b/z"},
		{"never from https to http", "https://a/x", "http://b/z", ""},
		{"nor to anything else", "https://a/x", "ftp://b/z", ""},
		{"nor to anything else from http", "http://a/x", "gopher://b/z", ""},
		{"nor to an address with a user name", "https://a/x", "https://u:p@b/z", ""},
		{"of the same host", "https://a/x", "https://u:p@a/z", ""},
		{"nowhere", "https://a/x", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := resolve(c.base, c.location)
			require.Equal(t, c.want, got)
			require.Equal(t, c.want == "", err != nil)
		})
	}
}

func TestChecksumsAreRightAndOnlyThoseAskedFor(t *testing.T) {
	data := []byte("123456789")
	sha := sha256.Sum256(data)
	md := md5.Sum(data)
	for name, c := range map[string]struct {
		want Want
		sums Sums
	}{
		"CRC-64 alone":      {Want{}, Sums{CRC64: 11051210869376104954}},
		"MD5":               {Want{MD5: true}, Sums{CRC64: 11051210869376104954, MD5: hex.EncodeToString(md[:])}},
		"SHA-256":           {Want{SHA256: true}, Sums{CRC64: 11051210869376104954, SHA256: hex.EncodeToString(sha[:])}},
		"both and CRC-64":   {Want{MD5: true, SHA256: true}, Sums{CRC64: 11051210869376104954, MD5: hex.EncodeToString(md[:]), SHA256: hex.EncodeToString(sha[:])}},
		"without any of it": {Want{}, Sums{CRC64: 11051210869376104954}},
	} {
		t.Run(name, func(t *testing.T) {
			server := record(t, answers(http.StatusOK, nil, ""))
			answer, err := Send(t.Context(), client(t), put(server.URL), bytesBody(data), c.want, nil)
			require.NoError(t, err)
			require.Equal(t, c.sums, answer.Sums)
			digest, err := Digest(t.Context(), bytesBody(data), c.want)
			require.NoError(t, err)
			require.Equal(t, c.sums, digest)
		})
	}
	require.Equal(t, "11051210869376104954", upload.FormatCRC64(11051210869376104954))
}

func TestSumsComeWithEveryWholeBodyWhateverTheStatus(t *testing.T) {
	for _, status := range []int{200, 201, 203, 204, 303, 400, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			server := record(t, answers(status, nil, ""))
			answer, err := Send(t.Context(), client(t), put(server.URL), bytesBody([]byte("123456789")), Want{}, nil)
			require.NoError(t, err)
			require.True(t, answer.Whole)
			require.EqualValues(t, uint64(11051210869376104954), answer.Sums.CRC64)
		})
	}
}

func TestAnAnswerIsReadUpToALimit(t *testing.T) {
	server := record(t, answers(http.StatusBadRequest, nil, strings.Repeat("x", 3*answerLimit)))
	answer, err := Send(t.Context(), client(t), put(server.URL), bytesBody([]byte("x")), Want{}, nil)
	require.NoError(t, err)
	require.Len(t, answer.Body, answerLimit)
	require.Less(t, len(s3(answer).Message), 1000)
}

func TestASourceThatIsLongerThanSaidIsCutAtItsSize(t *testing.T) {
	server := record(t, answers(http.StatusOK, nil, ""))
	body := bytesBody([]byte("0123456789 and more"))
	body.Size = 10
	answer, err := Send(t.Context(), client(t), put(server.URL), body, Want{}, nil)
	require.NoError(t, err)
	require.EqualValues(t, 10, answer.Sent)
	require.Equal(t, "0123456789", string(server.requests()[0].body))

	target := put(server.URL)
	target.Method, target.File = upload.MethodForm, upload.FormFile{Field: "file", Name: "a", Type: "image/jpeg"}
	_, err = Send(t.Context(), client(t), target, body, Want{}, nil)
	require.NoError(t, err)
	require.Contains(t, string(server.requests()[1].body), "\r\n\r\n0123456789\r\n--")

	sums, err := Digest(t.Context(), body, Want{MD5: true})
	require.NoError(t, err)
	require.Equal(t, "781e5e245d69b566979b86e28d23f2c7", sums.MD5)
}

func TestAPrivateAddressIsRefusedForGood(t *testing.T) {
	server := record(t, answers(http.StatusOK, nil, ""))
	for name, c := range map[string]struct {
		policy egress.Policy
		want   string
	}{
		"loopback, where only public addresses may be reached": {egress.Policy{Insecure: true}, "loopback"},
		"http, where only https may be spoken":                 {egress.Policy{Private: true}, "not https"},
	} {
		t.Run(name, func(t *testing.T) {
			e := egress.New()
			defer e.CloseIdle()
			opened := 0
			body := bytesBody([]byte("x"))
			body.Open = countOpens(&opened, body.Open)
			_, err := Send(t.Context(), e.Storage(c.policy), put(server.URL+signed), body, Want{}, nil)
			got := failure(t, err)
			require.Equal(t, upload.KindRejected, got.Kind)
			require.Contains(t, got.Message, c.want)
			require.Contains(t, got.Hint, "sources.allow_private_networks")
			require.Empty(t, got.Then)
			require.Equal(t, 1, opened, "it is not tried again")
		})
	}
	require.Empty(t, server.requests())
}

func TestAnAddressThatIsNoneIsToldWithoutItself(t *testing.T) {
	for _, bad := range []string{"https://host/%zz" + signed, "https://ho st/" + signed, "https://host:" + canary + "/", "\x7f" + signed} {
		_, err := Send(t.Context(), client(t), put(bad), bytesBody([]byte("x")), Want{}, nil)
		require.Error(t, err)
		if strings.Contains(bad, ":"+canary) {
			continue // a port is no secret, and net/url names it
		}
		got := failure(t, err)
		require.Equal(t, upload.KindUnavailable, got.Kind)
		require.Equal(t, upload.ArrivedNothing, got.Arrived)
	}
}

func TestAnInvalidHeaderIsToldWithoutItsValue(t *testing.T) {
	target := put("http://127.0.0.1:1/" + signed)
	target.Header["X-Api-Key"] = canary + "\n"
	_, err := Send(t.Context(), client(t), target, bytesBody([]byte("x")), Want{}, nil)
	require.Equal(t, upload.ArrivedNothing, failure(t, err).Arrived)
}

// A gateway that says 403 after a little and closes with the rest unread.
func TestAnEarlyRefusalIsHeardWithMostOfTheBodyUnsent(t *testing.T) {
	const refused = `<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`
	url := raw(t, func(conn *net.TCPConn) {
		_, body := head(conn)
		_, _ = io.CopyN(io.Discard, body, 1000)
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(refused), refused)
	})
	const size = 256 << 20
	for range 5 {
		meter := new(Meter)
		answer, err := Send(t.Context(), client(t), put(url), pattern(size), Want{MD5: true}, meter)
		require.NoError(t, err)
		require.Equal(t, http.StatusForbidden, answer.Status)
		require.False(t, answer.Whole)
		require.Zero(t, answer.Sums)
		require.Less(t, answer.Sent, int64(size/2))
		refusal := s3(answer)
		require.Equal(t, upload.KindExpired, refusal.Kind)
		require.Equal(t, upload.ArrivedNothing, refusal.Arrived)
		require.Equal(t, refused, string(answer.Body))
	}
}

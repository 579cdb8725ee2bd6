package sandbox

import (
	"encoding/base64"
	"hash/crc64"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The test vectors of the contract.

func TestTrustooSignatureVectors(t *testing.T) {
	for _, c := range []struct{ name, query, body, want string }{
		{"a GET", "", "", "2a0ed981cd3ac584cf45aa7eabf487625ceb3ef007ea248c2b0a94d62e581e80"},
		{"a GET with a query", "page=1&page_size=10", "", "05384fb4a80084a3c09386c4843f6a8d9ae70fc7a6d6b1e595ed6d6decf29b1c"},
		{"a POST", "", `{"product_id":"0","rating":5,"author":"A"}`, "fa40f40a1f909e16d04a4e1727f989d89c0dddd66714f19c1f0fcfc8701fddf6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := url.ParseQuery(c.query)
			require.NoError(t, err)
			require.Equal(t, c.want, trustooSign("prv_test_token", q, "1700000000", []byte(c.body)))
		})
	}
}

func TestTruVideoLoginSignatureVector(t *testing.T) {
	require.Equal(t, "df1abbc30eca9b4ad3308681ecd4f70f850da1945ee121431d26339a23cad2ce",
		loginSignature("tv_secret", []byte(`{"timestamp":"2024-09-06T05:36:25.966Z"}`)))
}

func TestOSSPolicyVectors(t *testing.T) {
	policy := base64.StdEncoding.EncodeToString([]byte(`{"expiration":"2030-01-01T00:00:00Z","conditions":[["starts-with","$key","test79198486784/2026/6/17/"]]}`))
	require.Equal(t, "eyJleHBpcmF0aW9uIjoiMjAzMC0wMS0wMVQwMDowMDowMFoiLCJjb25kaXRpb25zIjpbWyJzdGFydHMtd2l0aCIsIiRrZXkiLCJ0ZXN0NzkxOTg0ODY3ODQvMjAyNi82LzE3LyJdXX0=", policy)
	require.Equal(t, "9BDJ5yc+Q/9ikgJpX0kPViOGSkg=", ossSign("oss_secret", policy))
}

func TestClosientKeyVector(t *testing.T) {
	require.Equal(t, "csb_0123456789abcdefghijABCDEFGHIJ01_56ee0708", closientKey("0123456789abcdefghijABCDEFGHIJ01"))
}

func TestCRC64Vector(t *testing.T) {
	m := newMeasuredReader(strings.NewReader("123456789"), measureOptions{crc64: true})
	buf := make([]byte, 4) // in pieces
	for {
		if _, err := m.Read(buf); err != nil {
			break
		}
	}
	require.Equal(t, "11051210869376104954", m.content().crc64)
	require.Equal(t, "11051210869376104954", strconv.FormatUint(crc64.Checksum([]byte("123456789"), crc64.MakeTable(crc64.ECMA)), 10))
}

func TestMultipartETagVector(t *testing.T) {
	etag, err := multipartETag([]string{"dede9db222ee612853f44e6e6b1ca792", "093064bee9fa39309997041a6e03f29f"})
	require.NoError(t, err)
	require.Equal(t, "4e0f3bff4d24863cbef6c3d3dc5c2b7e-2", etag)
}

// The example of AWS's documentation of browser-based uploads with SigV4.
func TestS3PolicySignatureVector(t *testing.T) {
	policy := "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
	require.Equal(t, "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
		signPolicy("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20151229", "us-east-1", policy))
}

func TestJWTIsOursOnlyWithOurKey(t *testing.T) {
	token, err := signJWT("key", map[string]any{"sub": "a"})
	require.NoError(t, err)
	claims, ok := readJWT("key", token)
	require.True(t, ok)
	require.Equal(t, "a", claims["sub"])
	_, ok = readJWT("other", token)
	require.False(t, ok)
	_, ok = readJWT("key", "nothing")
	require.False(t, ok)
}

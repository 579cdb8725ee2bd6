package sandbox_test

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
)

func TestWhoKeepsAskingForAFinalStateIsNoted(t *testing.T) {
	s := sandboxtest.Start(t)
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	sandboxtest.Send(t, "PUT", d["uploadUrl"].(string), sandboxtest.Headers{"Content-Type": "image/jpeg"}, bytes.NewReader(sandboxtest.JPEG(t, 8, 8)))
	for range 2 {
		require.Equal(t, 200, sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).Status)
	}
	sandboxtest.NoViolations(t, s)
	sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string))
	require.Equal(t, []string{"poll-after-end"}, sandboxtest.ViolationKinds(s))
}

func TestABodyThatBreaksOffIsNotKept(t *testing.T) {
	s := sandboxtest.Start(t)
	for _, size := range []int{1000, 50_000, 4 << 20} {
		d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
		u, err := url.Parse(d["uploadUrl"].(string))
		require.NoError(t, err)
		conn, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", u.RequestURI(), u.Host, size)
		require.NoError(t, err)
		_, err = conn.Write(make([]byte, size/2))
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.Eventually(t, func() bool {
			r := s.Requests("trustana")
			return r[len(r)-1].Call == "put"
		}, time.Minute, time.Millisecond)
		require.Equal(t, 404, sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).Status)
		for _, m := range s.Ledger().Of("trustana") {
			require.Zero(t, m.Received, "%d bytes of %d", m.Size, size)
		}
	}
}

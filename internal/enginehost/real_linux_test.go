package enginehost

import (
	"crypto/tls"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// Every port of the engine but the frontend's is spoken to as a stranger would, in
// plain and over TLS without a certificate.
func TestTheOtherPortsOfTheEngineServeNobody(t *testing.T) {
	m, err := Join(t.Context(), Options{Data: t.TempDir(), Binary: realBinary(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	ports := portsOf(t, m.Address().PID)
	require.GreaterOrEqual(t, len(ports), 5, "the frontend, and four internal services")
	for _, port := range ports {
		if onLoopback(port) == m.Address().Temporal {
			continue
		}
		for _, transport := range []credentials.TransportCredentials{
			insecure.NewCredentials(), credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),
		} {
			conn, err := grpc.NewClient(onLoopback(port), grpc.WithTransportCredentials(transport))
			require.NoError(t, err)
			_, err = workflowservice.NewWorkflowServiceClient(conn).GetSystemInfo(t.Context(), &workflowservice.GetSystemInfoRequest{})
			require.Equal(t, codes.Unavailable, status.Code(err), "port %d: %v", port, err)
			require.NoError(t, conn.Close())
		}
	}
}

// portsOf are the ports of loopback that a process listens on.
func portsOf(t *testing.T, pid int) (ports []int) {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	require.NoError(t, err)
	open, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	require.NoError(t, err)
	for port := firstPort; port <= lastPort; port++ {
		inodes := listeners(strings.NewReader(string(table)), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)))
		for _, one := range open {
			target, err := os.Readlink(one)
			if inode, found := strings.CutPrefix(target, "socket:["); err == nil && found && inodes[strings.TrimSuffix(inode, "]")] {
				ports = append(ports, port)
			}
		}
	}
	return ports
}

package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

const (
	gatewayKey    = "AKIDTEST"
	gatewaySecret = "s3cr3tk3y"
	gatewayRegion = "eu-north-1"
)

// gateway is an S3 server. Its library keeps settings for the whole process, so
// that all tests share one.
var gateway struct {
	once   sync.Once
	err    error
	server *httptest.Server // before it, on a port that is free for certain
	stop   func()
}

func TestMain(m *testing.M) {
	status := m.Run()
	if gateway.stop != nil {
		gateway.stop()
	}
	os.Exit(status)
}

// gatewayURL starts the gateway for the first test that wants it.
func gatewayURL(t *testing.T) string {
	t.Helper()
	gateway.once.Do(func() { gateway.err = startGateway() })
	if errors.Is(gateway.err, errNoAttributes) && os.Getenv("CI") == "" && os.Getenv("MEDIAFERRY_NO_SKIP") == "" {
		t.Skip("the S3 gateway needs a temporary folder with extended attributes")
	}
	require.NoError(t, gateway.err)
	return gateway.server.URL
}

var errNoAttributes = errors.New("no extended attributes")

func startGateway() error {
	dir, err := os.MkdirTemp("", "gw")
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := (meta.XattrMeta{}).Test(data); err != nil {
		return errors.Join(errNoAttributes, err, os.RemoveAll(dir))
	}
	// The backend moves the process to its root; the tests name no file by a
	// relative path.
	backend, err := posix.New(data, meta.XattrMeta{}, posix.PosixOpts{Concurrency: 100})
	if err != nil {
		return err
	}
	socket := filepath.Join(dir, "s")
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
			RootUserAccess: gatewayKey, RootUserSecret: gatewaySecret, Region: gatewayRegion,
			Ports: []string{socket}, MaxConnections: 256, MaxRequests: 256, MultipartMaxParts: 10000, Quiet: true, KeepAlive: true,
			// With a service of its own it prints nothing about not having one.
			IAMService: auth.NewIAMServiceSingle(auth.Account{Access: gatewayKey, Secret: gatewaySecret, Role: auth.RoleAdmin}),
			S3Options:  []s3api.Option{s3api.WithOnListen(func() { close(ready) })},
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		return fmt.Errorf("the S3 gateway ended: %w", err)
	}
	gateway.server = httptest.NewServer(front(socket))
	gateway.stop = func() {
		gateway.server.Close()
		cancel()
		<-ended
		_ = os.RemoveAll(dir) // a temporary folder
	}
	return nil
}

// front passes requests on as they are: their signatures cover the host.
func front(socket string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "gateway", r.In.Host
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}},
	}
}

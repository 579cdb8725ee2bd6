package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// gatewayRegion is the only region the gateway signs for; it is part of every
// presigned URL.
const gatewayRegion = "us-east-1"

// process holds the S3 gateway. The library keeps its settings in package
// globals and refuses a second instance, so all sandboxes of a process share
// one; each registers its own buckets and its own access key with it.
var process = &sharedGateway{}

type sharedGateway struct {
	mu      sync.Mutex
	users   int
	running *gateway
}

// gateway is the running S3 server: reachable at a socket for the front, and at
// a TCP address for URLs that go past the front.
type gateway struct {
	backend *bucketRouter
	keys    *accessKeys
	socket  string // what net.Dial("unix", …) wants
	address string // host:port
	stop    context.CancelFunc
	done    chan struct{}
	tidy    func()
}

// acquire returns the running gateway, and starts one for the first user. Every
// acquire needs one release.
func (s *sharedGateway) acquire(ctx context.Context) (*gateway, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		g, err := startGateway(ctx)
		if err != nil {
			return nil, err
		}
		s.running = g
	}
	s.users++
	return s.running, nil
}

// release gives the gateway back; the last user's release stops it.
func (s *sharedGateway) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.users > 0 || s.running == nil {
		return
	}
	s.running.stop()
	<-s.running.done
	s.running.tidy()
	s.running = nil
}

// portTries bounds how often a port that somebody else took between our look
// and the gateway's bind is replaced by another.
const portTries = 5

func startGateway(ctx context.Context) (*gateway, error) {
	var last error
	for range portTries {
		g, err := launchGateway(ctx)
		if err == nil {
			return g, nil
		}
		last = err
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("start the S3 gateway: %w", last)
}

func launchGateway(ctx context.Context) (*gateway, error) {
	socket, tidy, err := socketPath()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		tidy()
		return nil, err
	}
	// The backend changes the process's working folder to its root and resolves
	// buckets against it. With "." the folder stays where it is, and the router
	// names every bucket by an absolute path, so no relative path of the program
	// around us is touched.
	disk, err := posix.New(".", meta.XattrMeta{}, posix.PosixOpts{Concurrency: 5000, ForceNoObjLockFile: true})
	if err != nil {
		tidy()
		return nil, fmt.Errorf("open the S3 gateway's backend: %w", err)
	}
	running, stop := context.WithCancel(context.Background())
	g := &gateway{
		backend: newBucketRouter(disk), keys: newAccessKeys(),
		socket: socket, address: address, stop: stop, done: make(chan struct{}), tidy: tidy,
	}
	ready, failed := make(chan struct{}), make(chan error, 1)
	config := g.config(func() { close(ready) })
	go func() {
		defer close(g.done)
		failed <- embedgw.RunVersityGW(running, g.backend, config)
	}()
	select {
	case <-ready:
		return g, nil
	case err = <-failed:
		if err == nil {
			err = errors.New("the S3 gateway stopped at once")
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	stop()
	<-g.done
	tidy()
	return nil, err
}

// config silences the gateway: with an account service given and Quiet set it
// prints nothing to standard output, which belongs to the program's results.
func (g *gateway) config(ready func()) *embedgw.Config {
	return &embedgw.Config{
		RootUserAccess: "AKIA" + simulate.RandomHex(8), RootUserSecret: simulate.RandomHex(20),
		Region: gatewayRegion, Ports: []string{g.address, g.socket},
		MaxConnections: 8192, MaxRequests: 8192, MultipartMaxParts: 10000,
		Quiet: true, KeepAlive: true, IAMService: g.keys,
		S3Options: []s3api.Option{s3api.WithOnListen(ready)},
	}
}

// dial opens a connection to the gateway that no port can be confused with.
func (g *gateway) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", g.socket)
}

// socketPath prefers Linux's abstract names, which leave nothing behind when the
// process is killed.
func socketPath() (string, func(), error) {
	if runtime.GOOS == "linux" {
		return "@mediaferry-sandbox-" + simulate.RandomHex(12), func() {}, nil
	}
	dir, err := os.MkdirTemp("", "sbx")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for the S3 gateway's socket: %w", err)
	}
	return filepath.Join(dir, "s3"), func() { _ = os.RemoveAll(dir) }, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port for the S3 gateway: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// accessKeys is the gateway's account service: the access keys of the sandboxes
// of this process, and nothing that could be changed through the S3 API.
type accessKeys struct {
	auth.IAMService // the calls that manage accounts, all refused

	mu   sync.RWMutex
	keys map[string]auth.Account
}

func newAccessKeys() *accessKeys {
	return &accessKeys{IAMService: auth.NewIAMServiceSingle(auth.Account{}), keys: map[string]auth.Account{}}
}

func (a *accessKeys) add(access, secret string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[access] = auth.Account{Access: access, Secret: secret, Role: auth.RoleUser}
}

func (a *accessKeys) remove(access string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.keys, access)
}

// GetUserAccount makes an unknown key InvalidAccessKeyId, as at AWS.
func (a *accessKeys) GetUserAccount(access string) (auth.Account, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	account, ok := a.keys[access]
	if !ok {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return account, nil
}

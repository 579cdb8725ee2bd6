package enginehost

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"time"
)

// Free ports are looked for below the range from which kernels take the ports of
// outgoing connections: those stay free until the next engine wants them again.
const (
	firstPort = 20000
	lastPort  = 29999
)

// wishes are the ports that the next engine and its front should have; 0 stands for
// any.
type wishes struct {
	temporal, ui   int
	fixed, fixedUI bool // asked for by name: this one or none
}

func (w *wishes) named(port, uiPort int) {
	if port != 0 {
		w.temporal, w.fixed = port, true
	}
	if uiPort != 0 {
		w.ui, w.fixedUI = uiPort, true
	}
}

// port decides on the port of the engine. One asked for by name is not looked at: the
// engine itself says what is wrong with it.
func (w wishes) port(ctx context.Context, t tempo) (int, error) {
	if w.fixed {
		return w.temporal, nil
	}
	return choose(ctx, w.temporal, t)
}

// listenUI takes the port of the front.
func (w wishes) listenUI(ctx context.Context, t tempo) (net.Listener, error) {
	if !w.fixedUI {
		return listen(ctx, w.ui, t)
	}
	listener, err := net.Listen("tcp", onLoopback(w.ui))
	if err != nil {
		return nil, fmt.Errorf("--ui-port %d cannot be used: %w", w.ui, errors.Unwrap(err))
	}
	return listener, nil
}

// choose returns the port last where it can be had, and a free one otherwise.
func choose(ctx context.Context, last int, t tempo) (int, error) {
	listener, err := listen(ctx, last, t)
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// listen takes the port last if it is free, or becomes so within a moment: the
// sockets of a process that was killed outlive it a little. Otherwise it takes a
// free port.
func listen(ctx context.Context, last int, t tempo) (net.Listener, error) {
	for deadline := time.Now().Add(t.port); last != 0; {
		listener, err := net.Listen("tcp", onLoopback(last))
		if err == nil {
			return listener, nil
		}
		if time.Now().After(deadline) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(t.poll / 5):
		}
	}
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if listener, err := net.Listen("tcp", onLoopback(port)); err == nil {
			return listener, nil
		}
	}
	return nil, fmt.Errorf("no free port was found between %d and %d", firstPort, lastPort)
}

func onLoopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// portOf returns the port of an address or URL, or 0.
func portOf(address string) int {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		address = u.Host
	}
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0
	}
	return int(port)
}

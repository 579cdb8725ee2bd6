package egress

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Offline reports whether err means that there was no way to the other side: no
// network, no route, no name server, or nobody who answered a call for a
// connection. It says nothing about the other side, which a refused connection
// does, and no byte of a request was sent.
func Offline(err error) bool {
	for _, none := range []error{
		syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN, syscall.EADDRNOTAVAIL,
	} {
		if errors.Is(err, none) {
			return true
		}
	}
	var name *net.DNSError
	if errors.As(err, &name) {
		return !name.IsNotFound && (name.IsTemporary || name.IsTimeout)
	}
	var call *net.OpError
	return errors.As(err, &call) && call.Op == "dial" && call.Timeout()
}

// Code is upload.CodeOffline, CodeNoName or CodeProxy for an error of the way to the
// other side, and "" for any other. No byte of a request was sent then, as long as the
// caller knows of none.
func Code(err error) string {
	var name *net.DNSError
	var proxy *ProxyError
	switch {
	case errors.As(err, &proxy):
		return upload.CodeProxy
	case Offline(err):
		return upload.CodeOffline
	case errors.As(err, &name) && name.IsNotFound:
		return upload.CodeNoName
	}
	return ""
}

// Cut reports whether err means that a connection ended without a word of the
// other side's, as those of a laptop do that slept or came into another network.
func Cut(err error) bool {
	for _, end := range []error{
		syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ETIMEDOUT,
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, end) {
			return true
		}
	}
	if err == nil {
		return false
	}
	for _, end := range []string{"server closed idle connection", "http2: client connection lost"} {
		if strings.Contains(err.Error(), end) { // net/http keeps these errors to itself
			return true
		}
	}
	return false
}

// silent reports whether err means that a connection was cut, or that nothing came in
// time.
func silent(err error) bool {
	var late net.Error
	return Cut(err) || errors.As(err, &late) && late.Timeout()
}

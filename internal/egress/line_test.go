package egress

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// inTime is a timeout as net has it.
type inTime struct{ error }

func (inTime) Timeout() bool   { return true }
func (inTime) Temporary() bool { return true }

func TestWhatIsTheLinesFault(t *testing.T) {
	call := func(op string, no error) error {
		return &url.Error{Op: "Put", URL: "https://store", Err: &net.OpError{Op: op, Net: "tcp", Err: no}}
	}
	late := inTime{errors.New("i/o timeout")}
	for name, c := range map[string]struct {
		err          error
		offline, cut bool
	}{
		"no network":                     {call("dial", os.NewSyscallError("connect", syscall.ENETUNREACH)), true, false},
		"no route to the host":           {call("dial", os.NewSyscallError("connect", syscall.EHOSTUNREACH)), true, false},
		"the network is down":            {call("write", os.NewSyscallError("write", syscall.ENETDOWN)), true, false},
		"a name server that is silent":   {call("dial", &net.DNSError{Err: "i/o timeout", IsTimeout: true}), true, false},
		"a name server in trouble":       {call("dial", &net.DNSError{Err: "server misbehaving", IsTemporary: true}), true, false},
		"a name that does not exist":     {call("dial", &net.DNSError{Err: "no such host", IsNotFound: true}), false, false},
		"nobody answers":                 {call("dial", late), true, false},
		"an answer that is late":         {call("read", late), false, false},
		"a connection that is refused":   {call("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)), false, false},
		"a reset":                        {call("read", os.NewSyscallError("read", syscall.ECONNRESET)), false, true},
		"a broken pipe":                  {call("write", os.NewSyscallError("write", syscall.EPIPE)), false, true},
		"a connection that is long dead": {call("read", os.NewSyscallError("read", syscall.ETIMEDOUT)), false, true},
		"an end in the middle":           {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), false, true},
		"an idle connection that ended":  {errors.New("http: server closed idle connection"), false, true},
		"something else":                 {errors.New("tls: bad certificate"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.offline, Offline(c.err))
			require.Equal(t, c.cut, Cut(c.err))
		})
	}
	require.False(t, Offline(nil))
	require.False(t, Cut(nil))
}

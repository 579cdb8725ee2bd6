package wiretest

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Refusal is one row of a table of failures.
type Refusal struct {
	Name string
	// Call makes the call; it fails with what Script answers.
	Call   func(r *Rig) error
	Script []Exchange

	Kind    upload.Kind
	Then    upload.Kind
	Arrived upload.Arrival
	Lost    bool
	Wait    time.Duration
	Status  int
	Code    string
	Request string
	Text    string
	Hint    string
}

// CheckRefusals makes each call of a table, and compares what it failed with.
func CheckRefusals(t *testing.T, s *spec.Spec, settings map[string]string, rows []Refusal) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			r := New(t, s, settings).On(row.Script...)
			e := r.Failed(row.Call(r))
			require.Equal(t, row.Kind, e.Kind, "%v", e)
			require.Equal(t, row.Then, e.Then)
			require.Equal(t, row.Arrived, e.Arrived)
			require.Equal(t, row.Lost, e.Lost)
			require.Equal(t, row.Wait, e.RetryAfter)
			require.Equal(t, row.Status, e.Status)
			require.Equal(t, row.Code, e.Code)
			require.Equal(t, row.Request, e.RequestID)
			require.Contains(t, e.Message, row.Text)
			require.Contains(t, e.Hint, row.Hint)
			if row.Kind == upload.KindThrottled {
				require.Equal(t, []time.Duration{max(row.Wait, time.Second)}, r.Permits.Slowed, "the fleet is told")
			} else {
				require.Empty(t, r.Permits.Slowed)
			}
			if row.Kind == upload.KindDenied {
				require.Contains(t, e.Hint, "mediaferry account resume acct")
			}
			require.Equal(t, r.Requests(), r.Permits.Taken, "every call has a permit")
		})
	}
}

// ControlCall is a control call that a test makes.
type ControlCall struct {
	Settings map[string]string // let it through to the wire
	Call     func(r *Rig) error
	// Arrived is what may have arrived of it where a connection was cut; "" for
	// ArrivedMaybe.
	Arrived upload.Arrival
}

// CheckCalls holds what is true of every control call: none is made without a
// permit, and one that gets no answer says what may have arrived.
func CheckCalls(t *testing.T, s *spec.Spec, calls map[string]ControlCall) {
	t.Helper()
	for name, c := range calls {
		t.Run(name+" is not made without a permit", func(t *testing.T) {
			r := New(t, s, c.Settings)
			busy := upload.Errorf(upload.KindThrottled, "", "busy")
			r.Permits.OnTake = func() error { return busy }
			require.ErrorIs(t, c.Call(r), busy)
			require.Equal(t, 1, r.Permits.Taken)
		})
		perhaps := cmp.Or(c.Arrived, upload.ArrivedMaybe)
		t.Run(name+" is refused a connection: nothing arrived", func(t *testing.T) {
			r := New(t, s, c.Settings)
			closed, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			require.NoError(t, closed.Close())
			r.Caller.Account.BaseURL = "http://" + closed.Addr().String()
			r.Caller.Account.LoginURL = r.Caller.Account.BaseURL
			e := r.Failed(c.Call(r))
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.Equal(t, upload.ArrivedNothing, e.Arrived)
			require.Contains(t, e.Message, "connection refused")
		})
		t.Run(name+" is cut off: perhaps it arrived", func(t *testing.T) {
			r := New(t, s, c.Settings).On(Exchange{Loose: true, Do: Drop})
			e := r.Failed(c.Call(r))
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.Equal(t, perhaps, e.Arrived)
		})
		t.Run(name+" gets half of one: perhaps it arrived", func(t *testing.T) {
			r := New(t, s, c.Settings).On(Exchange{Loose: true, Says: map[string]string{"Content-Length": "1000"}, Answer: `{"data":`})
			e := r.Failed(c.Call(r))
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.Equal(t, perhaps, e.Arrived)
		})
		t.Run(name+" may not be made there", func(t *testing.T) {
			r := New(t, s, c.Settings)
			r.Caller.HTTP = egress.New().Control(egress.Policy{Insecure: true})
			e := r.Failed(c.Call(r))
			require.Equal(t, upload.KindInvalid, e.Kind)
			require.Equal(t, upload.ArrivedNothing, e.Arrived)
			require.Contains(t, e.Message, "loopback")
			require.Contains(t, e.Hint, "base_url")
		})
		t.Run(name+" is cancelled: the context's own error", func(t *testing.T) {
			r := New(t, s, c.Settings)
			var cancel context.CancelFunc
			r.Ctx, cancel = context.WithCancel(t.Context())
			r.On(Exchange{Loose: true, Do: func(_ http.ResponseWriter, q *http.Request) {
				cancel()
				<-q.Context().Done()
			}})
			err := c.Call(r)
			require.ErrorIs(t, err, context.Canceled)
			var e *upload.Error
			require.False(t, errors.As(err, &e))
		})
	}
}

// Refuse is an exchange of which only the answer matters.
func Refuse(status int, body string) Exchange {
	return Exchange{Loose: true, Status: status, Answer: body}
}

// Saying is the exchange with a header in its answer.
func (x Exchange) Saying(name, value string) Exchange {
	x.Says = map[string]string{name: value}
	return x
}

// Drop ends the connection without an answer.
func Drop(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

// Item is an upload of a picture with these fields.
func Item(vendor string, fields upload.Fields) upload.Item {
	return upload.Item{UploadID: "batch/b/1", ID: "1", Account: "acct", Vendor: vendor, Source: "/srv/a.jpg", Fields: fields}
}

// JPEG is what is known of that picture.
func JPEG() upload.Content {
	return upload.Content{Size: 1000, Type: "image/jpeg", Name: "photo.jpg", Fingerprint: "f", SHA256: "aa", CRC64: "1"}
}

// SecretSettings lists the settings that a vendor marks as secret.
func SecretSettings(s *spec.Spec) []string {
	var names []string
	for _, setting := range s.Settings {
		if setting.Secret {
			names = append(names, setting.Name)
		}
	}
	return names
}

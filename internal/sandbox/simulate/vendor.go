package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Host answers requests under a name by which fault rules and the request log
// know it: a vendor, or a store of sources.
type Host interface {
	// Name is in lower case, the same everywhere and for ever: the journal has it.
	Name() string
	// Targets are the calls that fault rules can name, those in its bucket
	// included.
	Targets() []Target
	// Routes are the calls that it answers, requests to its bucket apart.
	Routes() []Route
	// Puts shows the bodies that Put takes.
	Puts() []string
	// Put makes a fact that no client has caused, for the body of a request to the
	// control API. What it gives is the answer; ErrNotPut is that the body does not
	// say what to put.
	Put(ctx context.Context, body []byte) (any, error)
}

// Vendor is a simulated vendor: its calls, credentials, settings, storage and
// faults. Nothing else in the sandbox knows one vendor from another.
//
// What describes it has to be ready at once: fault rules are read before any
// sandbox starts. Open, which is called once, is given what the vendor works with;
// the methods below it, Routes, Put and the functions of the bucket are called
// afterwards only, from any goroutine.
type Vendor interface {
	Host
	// Credentials are those that a new sandbox knows, and where they are sent.
	Credentials() CredentialSpec
	// Account describes an account in a configuration file, with these values of a
	// set of credentials.
	Account(w *World, values map[string]string) Account
	// Defaults are the settings at the start; a pointer to a new value.
	Defaults() Switches
	// Bucket is its bucket in S3, or nil.
	Bucket() *Bucket

	// Open restores what the vendor remembers.
	Open(w *World) error
	// Resume goes on with what the end of the last process interrupted.
	Resume()
	// Media is its part of the ledger. Processing that is due is finished first.
	Media() []Medium
	// Reset forgets media and sessions. Credentials stay.
	Reset()
}

// CredentialSpec describes how the clients of a vendor prove who they are.
type CredentialSpec struct {
	// Values are the first set, by the names of the configuration.
	Values map[string]string
	// Headers are those that carry credentials and belong to no storage host;
	// Authorization, Cookie and Proxy-Authorization are known.
	Headers []string
	// Fresh makes new values where they have a form of their own.
	Fresh map[string]func() string
}

// Account is what a configuration file says of an account, without its name.
type Account struct {
	Lines [][2]string // names and values
	Notes []string    // what could stand there instead
	// Hint is a sentence for the head of the file, about what uploads need besides.
	Hint string
}

// Bucket is a vendor's bucket in S3: what the vendor does where a client comes to
// storage. The path of each call has the object's key as "key".
type Bucket struct {
	// Calls are the names of requests by their method.
	Calls map[string]string
	// Form says that the bytes come in a form, and not in a PUT.
	Form bool
	// MostParts is how many parts an upload may have; 0: it has none.
	MostParts int
	// Subject gives the words that a fault's match may hit besides the URL.
	Subject func(c *Call) string
	// Over says that the grant with this stamp, which claims to live as long, has
	// run out by the sandbox's clock. A form claims nothing. A grant that the vendor
	// never gave is not over: its signature is wrong, and that is what storage says.
	Over func(c *Call, stamp string, life Duration) bool
	// Check notes what a right client would not have sent; form is nil for a PUT.
	Check func(c *Call, form *FormHead)
	// Arrived hears of every object and part that has been stored.
	Arrived func(a Arrival)
	// Public gives the media type of an object that anybody may read; nil: none is.
	Public func(key string) (contentType string, ok bool)
}

// ErrNotPut is that a body does not say what is to be put.
var ErrNotPut = errors.New("nothing can be put this way")

// ReadBody decodes the body of a request to the control API, which has no field
// that v lacks.
func ReadBody(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("read the JSON body: %w", err)
	}
	return nil
}

// Done is the answer to a put that has nothing else to say.
func Done() map[string]bool { return map[string]bool{"ok": true} }

// Package vendors lists the media vendors, and says what each must be able to do.
// Each vendor has a package below this one, with its calls, its policy, its refusals
// and, in one marked block, what its documentation does not say and we assume (the
// IDs are those of docs/vendors). Nothing else in the program names a vendor.
//
// A vendor's package sends no media bytes, waits for nothing, repeats nothing but
// a call whose token had run out, and keeps no state between calls: what a later
// step needs is in the earlier one's answer.
package vendors

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/closient"
	"github.com/mediaferry/mediaferry/internal/vendors/sitoo"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/trustana"
	"github.com/mediaferry/mediaferry/internal/vendors/trustoo"
	"github.com/mediaferry/mediaferry/internal/vendors/truvideo"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Vendor is what one vendor varies. Implementations are safe for concurrent use
// and return *upload.Error for everything that a vendor refused.
type Vendor interface {
	// Spec describes the vendor: fields, settings, limits. It is constant.
	Spec() *spec.Spec

	// Prepare opens a session for a medium. A second call may open a second session;
	// a session without bytes does no harm.
	Prepare(ctx context.Context, c *wire.Caller, in upload.Prepare) (upload.Session, error)

	// Poll asks once what became of a session's bytes. A medium that is still being
	// processed, or that the vendor failed to process, is not an error:
	// Media.State says so.
	Poll(ctx context.Context, c *wire.Caller, in upload.Poll) (upload.Media, error)
}

// PartSigner is a vendor that hands out more URLs for parts of a session.
type PartSigner interface {
	// SignParts returns fresh URLs. It fails with kind expired and Lost where
	// the session is gone, or cannot have the URLs that are wanted.
	SignParts(ctx context.Context, c *wire.Caller, in upload.SignParts) ([]upload.PartURL, error)
}

// Completer is a vendor that has to be told when all parts have arrived.
type Completer interface {
	// Complete reports that they have. It must not be repeated before the session
	// was polled: unless it was refused, it may have been carried out.
	Complete(ctx context.Context, c *wire.Caller, in upload.Complete) (upload.Media, error)
}

// Receiver is a vendor that takes the bytes itself.
type Receiver interface {
	// Admission returns the headers that let the bytes in. They hold
	// credentials: they go to the vendor's own host and nowhere else.
	Admission(ctx context.Context, c *wire.Caller) (http.Header, error)
	// Received reads the answer to the bytes.
	Received(ctx context.Context, c *wire.Caller, status int, header http.Header, body []byte) (upload.Media, error)
	// Settle finds out whether a send whose answer was lost made a medium.
	Settle(ctx context.Context, c *wire.Caller, in upload.Settle) (upload.Settled, error)
}

// Rereader is a vendor that can be asked again for a medium that is ready.
type Rereader interface {
	// Reread reads what the vendor has of the medium. It changes nothing, and does not
	// fail where there is no such medium.
	Reread(ctx context.Context, c *wire.Caller, of upload.Finished) (upload.Reading, error)
}

// Lister is a vendor that lists what it has of the same product as an item.
type Lister interface {
	// Listing reads the list. It changes nothing.
	Listing(ctx context.Context, c *wire.Caller, item upload.Item) ([]upload.Listed, error)
}

// Prober is a vendor with a call that changes nothing and succeeds with good
// credentials only: Spec.Probe.
type Prober interface {
	// Probe makes that call. It returns the answer also where it is a refusal. The fields
	// are those that the call needs.
	Probe(ctx context.Context, c *wire.Caller, fields upload.Fields) (wire.Answer, error)
}

// All lists the vendors, in the order in which they are shown. This is the one
// place that knows them all.
func All() []Vendor {
	return []Vendor{
		trustana.Client{},
		trustoo.Client{},
		sitoo.Client{},
		closient.Client{},
		truvideo.Client{},
	}
}

// Names lists the vendors' names.
func Names() []string {
	var names []string
	for _, v := range All() {
		names = append(names, v.Spec().Name)
	}
	return names
}

// Find returns the vendor of a name.
func Find(name string) (Vendor, error) {
	for _, v := range All() {
		if v.Spec().Name == name {
			return v, nil
		}
	}
	return nil, fmt.Errorf("unknown vendor %q; use one of %s", name, strings.Join(Names(), ", "))
}

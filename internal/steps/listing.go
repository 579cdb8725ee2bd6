package steps

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Listing is what a vendor lists of the product of an item, now.
type Listing struct {
	// Can is whether the vendor has such a list at all.
	Can    bool
	Title  string // of the vendor
	Listed []upload.Listed

	caller *wire.Caller
}

// Listing asks the vendor of an item what it has of the same product. It takes a permit,
// as any call does, and changes nothing at the vendor.
func (s *Steps) Listing(ctx context.Context, item upload.Item) (Listing, error) {
	vendor, caller, err := s.Caller(ctx, item)
	if err != nil {
		return Listing{}, err
	}
	l := Listing{Title: vendor.Spec().Title, caller: caller}
	lister, can := vendor.(vendors.Lister)
	if !can {
		return l, nil
	}
	l.Can = true
	l.Listed, err = lister.Listing(ctx, caller, item)
	return l, err
}

// Lists reports whether the vendor of an item has such a list.
func Lists(item upload.Item) bool {
	vendor, err := vendors.Find(item.Vendor)
	_, can := vendor.(vendors.Lister)
	return err == nil && can
}

// Read reads a medium that was listed, without credentials, as anybody can. It fails for
// one of more than most bytes.
func (l Listing) Read(ctx context.Context, one upload.Listed, most int64) ([]byte, error) {
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, one.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("the address of %s is no URL", one.ID)
	}
	response, err := l.caller.Storage.Do(get)
	if err != nil {
		return nil, fmt.Errorf("read %s: %s", one.ID, egress.Cause(err))
	}
	defer func() { _ = response.Body.Close() }() // the rest is not needed
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read %s: answered %d", one.ID, response.StatusCode)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("%s has more than %d bytes", one.ID, most)
	}
	return content, err
}

package dashboard

import (
	"context"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/thumbnail"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

const (
	listingTime  = 30 * time.Second // for a vendor to list what it has
	picturesTime = 20 * time.Second // for all pictures of it
	picturesMost = 12
)

// listingBody is what was sent, beside what the vendor lists now.
type listingBody struct {
	decision
	Vendor string        `json:"vendor_title"`
	Can    bool          `json:"can_list"`
	Listed []listedMedia `json:"listed"`
}

// listedMedia is a medium that the vendor lists.
type listedMedia struct {
	upload.Listed
	MadeAt upload.Moment `json:"made_at"`
	New    bool          `json:"new"` // it was not there before the upload began
	Image  template.URL  `json:"-"`   // data:
}

// listingView asks the vendor, each time it is loaded: that uses up calls, so that only
// who may operate does it, and the page is not loaded again by itself.
func listingView(v *visit) (view, error) {
	if v.caller.Viewer {
		return view{}, mayOnlyLook
	}
	entry, err := v.Ledger.Get(v.ctx(), idBelow(v.r, "/listed/"))
	if err != nil {
		return view{}, err
	}
	item, err := entry.Item()
	if err != nil {
		return view{}, err
	}
	body := listingBody{Listed: []listedMedia{}}
	cards, err := itemCards(v, []ledger.Entry{entry})
	if err != nil {
		return view{}, err
	}
	body.decision = decided(v, entry, cards[0])
	all, closing := wiring.Probes(v.Live, v.Keys, v.Ledger, v.page.o.Log)
	defer closing()
	ctx, cancel := context.WithTimeout(v.ctx(), listingTime)
	defer cancel()
	listing, err := all.Listing(ctx, item)
	if err != nil {
		said := upload.AsError(err, "")
		return view{}, &problem{http.StatusBadGateway, "the vendor's list could not be read: " + said.Message, said.Hint}
	}
	body.Vendor, body.Can = listing.Title, listing.Can
	body.fill(v, listing)
	t := &table{Name: "listed", Header: []string{"id", "title", "made_at", "new"}}
	for _, one := range body.Listed {
		t.add(string(one.ID), string(one.Title), stamp(one.MadeAt.Time), yes(one.New))
	}
	return view{Title: "At the vendor", Menu: "decisions", Template: "listing", Body: body, Table: t, Still: true}, nil
}

// fill adds what is listed: what is new first, with pictures of as many as there is time
// for.
func (b *listingBody) fill(v *visit, listing steps.Listing) {
	for _, one := range listing.Listed {
		known := b.Session != nil && slices.Contains(b.Session.Before, string(one.ID))
		b.Listed = append(b.Listed, listedMedia{Listed: one, MadeAt: upload.Moment{Time: one.MadeAt}, New: !known && b.Session != nil})
	}
	slices.SortStableFunc(b.Listed, func(x, y listedMedia) int {
		if x.New != y.New {
			return map[bool]int{true: -1, false: 1}[x.New]
		}
		return y.MadeAt.Compare(x.MadeAt.Time)
	})
	if format(v.r) != "html" {
		return
	}
	ctx, cancel := context.WithTimeout(v.ctx(), picturesTime)
	defer cancel()
	for i := range b.Listed[:min(len(b.Listed), picturesMost)] {
		one := &b.Listed[i]
		content, err := listing.Read(ctx, one.Listed, thumbnail.MostBytes)
		if err != nil {
			continue
		}
		if small, err := thumbnail.Make(ctx, content); err == nil {
			one.Image = template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(small.JPEG)) //nolint:gosec // made here, of base64 alone
		}
	}
}

// decided is an upload as the inbox shows it.
func decided(v *visit, entry ledger.Entry, card itemCard) decision {
	one := decision{itemCard: card, Picture: report.Pictured(entry)}
	if item, err := entry.Item(); err == nil { // without its key, the rest is shown
		one.Fields, one.Told, one.Lists = fieldCells(item), item.Fields, steps.Lists(item)
	}
	if row, err := v.Ledger.ReadProgress(v.ctx(), card.UploadID); err == nil && row.Progress != nil {
		one.Session = factsOf(row.Progress)
	}
	return one
}

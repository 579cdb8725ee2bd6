package steps

import (
	"net/url"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// mostID is the longest ID of a medium, in characters: it may be an object's key, which
// has up to 1,024 bytes.
const mostID = 1024

// plainMedia makes what a vendor says of a medium fit to be kept, printed and followed.
// An ID that cannot be one is an answer that lacks it.
func plainMedia(caller *wire.Caller, at upload.Step, m *upload.Media) error {
	m.URL, m.Seen, m.Reason = upload.PlainURL(m.URL), egress.Line(m.Seen, egress.MostText), egress.Line(m.Reason, egress.MostText)
	if m.ID == "" {
		return nil
	}
	id, ok := upload.PlainName(m.ID, mostID)
	if ok {
		m.ID = id
		return nil
	}
	e := upload.Errorf(upload.KindUnavailable, at, "%s answered with a media ID that cannot be one: %q", caller.Account.Vendor, egress.Line(m.ID, 40))
	e.Arrived, e.Then, e.Lacks, e.Peer = upload.ArrivedMaybe, upload.KindRejected, "a media ID", upload.PeerVendor
	return e
}

// hideSession has the signatures of a session removed from all texts of this process.
func hideSession(session upload.Session) {
	hideSigned(session.URL)
	for _, part := range session.Parts {
		hideSigned(part.URL)
	}
	for _, field := range session.Form {
		if signs(field.Name) {
			egress.Hide(field.Value)
		}
	}
}

// hideSigned has the signature of a URL removed from all texts.
func hideSigned(raw string) {
	u, err := url.Parse(raw)
	if err != nil {
		return
	}
	for name, values := range u.Query() {
		if signs(name) {
			egress.Hide(values...)
		}
	}
}

// signs reports whether a parameter of a URL or of a form lets others do what it signs.
// What else a signature needs, such as a day and a region, is known to everybody.
func signs(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "signature") || strings.Contains(name, "token") || name == "policy" || name == "sig" || name == "sign"
}

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

// mostSession is how many bytes the texts of a session may take. All of them go into
// histories, whose payloads may have 2 MiB; the largest that a vendor needs is 120
// signed URLs.
const mostSession = 1 << 20

// fits refuses a session that is too large to be kept.
func fits(caller *wire.Caller, at upload.Step, session upload.Session) error {
	size := textOf(session)
	if size <= mostSession {
		return nil
	}
	e := upload.Errorf(upload.KindUnavailable, at, "%s answered with a session of %d bytes; at most %d can be kept", caller.Account.Vendor, size, mostSession)
	e.Arrived, e.Then, e.Lacks, e.Peer = upload.ArrivedMaybe, upload.KindRejected, "a session of a usual size", upload.PeerVendor
	return e
}

// textOf is about how many bytes a session takes where it is kept.
func textOf(session upload.Session) int {
	const each = 16 // for what is around a text
	size := len(session.ID) + len(session.FileName) + len(session.URL) + len(session.Media.ID)
	for name, value := range session.Header {
		size += len(name) + len(value) + each
	}
	for _, field := range session.Form {
		size += len(field.Name) + len(field.Value) + each
	}
	for _, part := range session.Parts {
		size += len(part.URL) + each
	}
	for _, id := range session.Before {
		size += len(id) + each
	}
	for _, part := range session.Media.Stored {
		size += len(part.ETag) + each
	}
	return size
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

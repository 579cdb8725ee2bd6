package flow

import "github.com/mediaferry/mediaferry/internal/upload"

// proxyWantsLogin is the status by which a proxy asks for credentials.
const proxyWantsLogin = 407

// WaitsFor is what a call waits for that failed and is to be made again.
func WaitsFor(e upload.Error) upload.WaitFor {
	switch {
	case e.Kind == upload.KindDenied:
		return upload.ForAccount
	case e.Kind == upload.KindThrottled:
		return upload.ForRate
	case e.Peer == upload.PeerSource:
		return upload.ForSource
	case onTheLine[e.Code], e.Peer == upload.PeerLedger, e.Status == proxyWantsLogin:
		return upload.ForLine
	}
	return upload.ForVendor
}

// onTheLine are the codes of failures on the way to the other side.
var onTheLine = map[string]bool{upload.CodeOffline: true, upload.CodeNoName: true, upload.CodeProxy: true}

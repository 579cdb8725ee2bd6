package views

import (
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
)

// Advice is what a person can do about a wait of an account's uploads, beside waiting.
func Advice(w waits.Wait, account string) string {
	resume := "mediaferry account resume " + account
	switch w.For {
	case upload.ForVendor:
		return "Nothing has to be done: it is tried again by itself, one call at a time. To try at once: " + resume
	case upload.ForRate:
		return "Nothing has to be done: it goes on by itself when the limit allows. If the vendor raised the limit: " + resume
	case upload.ForLine:
		return "Check the network, name server and proxy of the workers. It is tried again by itself; to try at once: " + resume
	case upload.ForSource:
		return "Check the source, or its server or disk. It is tried again by itself"
	case upload.ForAccount:
		return "Correct the account's credentials or settings, then: " + resume
	case upload.ForHost:
		return "Start mediaferry-worker on that host, or read the file elsewhere: mediaferry move UPLOAD_ID --host NAME"
	case upload.ForWorker:
		return "Start a worker: mediaferry up, or mediaferry-worker on a fleet's host"
	case upload.ForPerson:
		return "It waits for a decision of yours"
	}
	return "Nothing has to be done"
}

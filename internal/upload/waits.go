package upload

// WaitFor says for what something waits. The words are stored and printed: they do not
// change.
type WaitFor string

// What is waited for.
const (
	ForVendor     WaitFor = "vendor"     // a vendor, its login or its store is out of order, or busy
	ForRate       WaitFor = "rate"       // a limit: ours, or the vendor's
	ForLine       WaitFor = "line"       // there is no network, no route, no name, or a proxy refuses
	ForSource     WaitFor = "source"     // a web or object source is out of order, or a disk is full
	ForAccount    WaitFor = "account"    // the account is paused
	ForHost       WaitFor = "host"       // a worker that can read the source
	ForWorker     WaitFor = "worker"     // any worker
	ForPerson     WaitFor = "person"     // somebody paused it, or has to decide
	ForProcessing WaitFor = "processing" // the vendor processes the bytes
	ForTurn       WaitFor = "turn"       // others go first
)

// WaitFors lists what may be waited for, what needs a person first.
func WaitFors() []WaitFor {
	return []WaitFor{
		ForPerson, ForAccount, ForWorker, ForHost, ForLine, ForVendor, ForSource, ForRate, ForProcessing, ForTurn,
	}
}

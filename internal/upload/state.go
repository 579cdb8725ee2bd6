package upload

// State is where an item is.
type State string

// The states. The last four are ends; of them StateUnconfirmed still waits for
// a person.
const (
	StateWaiting      State = "waiting"
	StatePreparing    State = "preparing"
	StateTransferring State = "transferring"
	StateCompleting   State = "completing"
	StateProcessing   State = "processing"

	StateReady       State = "ready"
	StateFailed      State = "failed"
	StateCanceled    State = "canceled"
	StateUnconfirmed State = "unconfirmed"
)

// States lists all states in the order in which an item passes them.
func States() []State {
	return []State{
		StateWaiting, StatePreparing, StateTransferring, StateCompleting, StateProcessing,
		StateReady, StateFailed, StateCanceled, StateUnconfirmed,
	}
}

// Ended reports whether a command that waits for the item may return.
func (s State) Ended() bool {
	switch s {
	case StateReady, StateFailed, StateCanceled, StateUnconfirmed:
		return true
	}
	return false
}

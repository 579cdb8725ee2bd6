// Package exit owns how the program ends: its exit statuses, and the errors that
// choose one. It prints nothing, and it refuses to judge the errors of other
// packages: the commands do.
package exit

import (
	"fmt"
)

// Exit statuses. They are documented and do not change.
const (
	OK          = 0
	Failed      = 1   // could not run: engine, disk, internal
	Misuse      = 2   // flags, configuration, an unknown account, field or ID
	NotReady    = 3   // some item is not ready
	Interrupted = 130 // the work continues while an engine runs
)

// UsageError is misuse of the command line. It is distinct from a failure, and says what
// would be right.
type UsageError struct {
	Text string
	Hint string // what to do; empty: see the command's help
}

func (e *UsageError) Error() string { return e.Text }

// Misused returns a UsageError without a hint.
func Misused(format string, args ...any) *UsageError {
	return &UsageError{Text: fmt.Sprintf(format, args...)}
}

// NotReadyError says that some items are not ready. The code that returns it
// has printed each of them.
type NotReadyError struct{ Count int }

func (e *NotReadyError) Error() string { return fmt.Sprintf("%d items are not ready", e.Count) }

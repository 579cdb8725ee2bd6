// Package workercomponent would run the workflows of worker controllers in the
// Temporal server. It stands in for the package of the same path: the embedded
// engine runs none.
package workercomponent

import "go.uber.org/fx"

// Module adds nothing to the server.
var Module = fx.Options()

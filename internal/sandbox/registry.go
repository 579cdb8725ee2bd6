package sandbox

import (
	"github.com/mediaferry/mediaferry/internal/sandbox/closient"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
	"github.com/mediaferry/mediaferry/internal/sandbox/sitoo"
	"github.com/mediaferry/mediaferry/internal/sandbox/trustana"
	"github.com/mediaferry/mediaferry/internal/sandbox/trustoo"
	"github.com/mediaferry/mediaferry/internal/sandbox/truvideo"
)

// vendors are the simulated vendors, in the order in which everything lists them.
func vendors() []simulate.Vendor {
	return []simulate.Vendor{
		trustana.New(),
		trustoo.New(),
		sitoo.New(),
		closient.New(),
		truvideo.New(),
	}
}

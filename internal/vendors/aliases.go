package vendors

import (
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Names that moved to packages spec and wire, for those who still say them here.
type (
	Account = spec.Account
	Spec    = spec.Spec
	Caller  = wire.Caller
	Token   = wire.Token
)

package truvideo

import (
	"cmp"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// refusal reads a refusal of RFC 7807's shape: detail first, then message.
func refusal(a wire.Answer) wire.Refusal {
	var said struct {
		Title   wire.Said `json:"title"`
		Detail  wire.Said `json:"detail"`
		Message wire.Said `json:"message"`
	}
	var named struct {
		Message wire.Text `json:"message"`
	}
	_, _ = a.Decode(&said), a.Decode(&named) // an empty or foreign body says nothing
	return wire.Refusal{Text: string(cmp.Or(said.Detail, said.Message, said.Title)), Code: string(named.Message)}
}

// lost turns a refusal into the loss of the whole session. Only the call's own
// answer can say that; a refused login says nothing about sessions.
func lost(err error) error {
	e := upload.AsError(err, upload.StepPoll)
	e.Kind, e.Lost = upload.KindExpired, true
	return e
}

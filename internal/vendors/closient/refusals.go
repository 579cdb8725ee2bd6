package closient

import (
	"cmp"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// refusal reads both shapes of refusals that the vendor documents: {"error": {…}}
// and RFC 9457 problems.
func refusal(a wire.Answer) wire.Refusal {
	type detail struct {
		Field   wire.Text `json:"field"`
		Message wire.Said `json:"message"`
	}
	var said struct {
		Error wire.Object[struct {
			Code    wire.Text         `json:"code"`
			Message wire.Said         `json:"message"`
			Details wire.List[detail] `json:"details"`
		}] `json:"error"`
		Title      wire.Said  `json:"title"`
		Detail     wire.Said  `json:"detail"`
		Code       wire.Text  `json:"error_code"`
		RetryAfter wire.Float `json:"retry_after"`
	}
	var other struct {
		Error wire.Said `json:"error"` // of yet another shape
	}
	_, _ = a.Decode(&said), a.Decode(&other)                               // an empty or foreign body says nothing
	wait := min(max(float64(said.RetryAfter), 0), longestWindow.Seconds()) // first, for not every number is a Duration
	text := string(said.Error.Value.Message)
	for _, detail := range said.Error.Value.Details {
		text += fmt.Sprintf("; %s: %s", detail.Field, detail.Message)
	}
	return wire.Refusal{
		Text: cmp.Or(text, string(said.Detail), string(said.Title), string(other.Error)),
		Code: string(cmp.Or(said.Error.Value.Code, said.Code)),
		Wait: time.Duration(wait * float64(time.Second)), Longest: longestWindow,
	}
}

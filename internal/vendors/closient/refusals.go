package closient

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// refusal reads both shapes of refusals that the vendor documents: {"error": {…}}
// and RFC 9457 problems.
func refusal(a wire.Answer) wire.Refusal {
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Details []struct {
				Field   string `json:"field"`
				Message string `json:"message"`
			} `json:"details"`
		} `json:"error"`
		Title      string  `json:"title"`
		Detail     string  `json:"detail"`
		Code       string  `json:"error_code"`
		RetryAfter float64 `json:"retry_after"`
	}
	_ = json.Unmarshal(a.Body, &said)                             // an empty or foreign body says nothing
	wait := min(max(said.RetryAfter, 0), longestWindow.Seconds()) // first, for not every number is a Duration
	text := said.Error.Message
	for _, detail := range said.Error.Details {
		text += fmt.Sprintf("; %s: %s", detail.Field, detail.Message)
	}
	return wire.Refusal{
		Text: cmp.Or(text, said.Detail, said.Title),
		Code: cmp.Or(said.Error.Code, said.Code),
		Wait: time.Duration(wait * float64(time.Second)), Longest: longestWindow,
	}
}

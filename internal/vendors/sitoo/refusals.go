package sitoo

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// refusal reads {error_code, error_data: {message}, request_id}.
func refusal(a wire.Answer) wire.Refusal {
	var said struct {
		Code      wire.Text `json:"error_code"`
		Data      wire.Said `json:"error_data"` // an object with a message
		RequestID wire.Text `json:"request_id"`
	}
	_ = a.Decode(&said) // an empty or foreign body says nothing
	return wire.Refusal{Text: string(said.Data), Code: string(said.Code), RequestID: string(said.RequestID)}
}

// notFound distinguishes a file that is not known yet from one that is lost. A new
// file is asked for at growing intervals, the last time when it is no longer new.
func notFound(err error, age time.Duration) error {
	e := upload.AsError(err, upload.StepPoll)
	if age < newborn {
		e.Kind = upload.KindUnavailable
		e.RetryAfter = max(e.RetryAfter, min(age, newborn-age)+time.Second)
		return e
	}
	e.Kind, e.Lost = upload.KindExpired, true
	return e
}

// ageOf is how long ago a file was made, by the vendor's clock or by ours since its
// form was requested, whichever is less. A wrong Date makes the first too long, a slow
// answer the second; either would give up a file that is about to appear.
func ageOf(session upload.Session, a wire.Answer, now time.Time) time.Duration {
	age := a.There(now).Sub(session.OpenedAt).Abs()
	if session.Life <= 0 {
		return age
	}
	asked := session.ExpiresAt.Add(-session.Life)
	return min(age, now.Sub(asked).Abs())
}

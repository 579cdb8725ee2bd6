package trustoo

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// envelope is the shape of every answer.
type envelope struct {
	Code      *wire.Int       `json:"code"`
	Message   wire.Said       `json:"message"`
	RequestID wire.Text       `json:"request_id"`
	Data      json.RawMessage `json:"data"`
}

// hasData reports whether an answer holds what was asked for.
func (e envelope) hasData() bool { return len(e.Data) > 0 && e.Data[0] == '{' }

func (e envelope) refusal() wire.Refusal {
	r := wire.Refusal{Text: string(e.Message), RequestID: string(e.RequestID)}
	if e.Code != nil {
		r.Code = strconv.Itoa(int(*e.Code))
	}
	return r
}

// statuses are what the envelope's codes mean as HTTP statuses. Codes 1
// (canceled) and 4 (deadline) may pass.
var statuses = map[wire.Int]int{
	1:  http.StatusServiceUnavailable,
	3:  http.StatusBadRequest,
	4:  http.StatusServiceUnavailable,
	5:  http.StatusNotFound,
	6:  http.StatusConflict,
	8:  http.StatusTooManyRequests,
	13: http.StatusInternalServerError,
	16: http.StatusUnauthorized,
}

// meaning reads what an answer means as a status: by its code, which also refuses
// under HTTP 200, else by its status.
func meaning(a wire.Answer) (int, envelope) {
	var said envelope
	if a.Decode(&said) != nil || said.Code == nil || *said.Code == 0 {
		return a.Status, said
	}
	if status, known := statuses[*said.Code]; known {
		return status, said
	}
	if a.Status >= 300 {
		return a.Status, said
	}
	return http.StatusInternalServerError, said
}

// badCallback is the code of a failure that only a form without the callback can
// avoid.
const badCallback = "InvalidArgument"

// validCallback reports whether OSS can make anything of a callback.
func validCallback(callback string) bool {
	raw, err := base64.StdEncoding.DecodeString(callback)
	if err != nil {
		return false
	}
	var said struct {
		URL string `json:"callbackUrl"`
	}
	return json.Unmarshal(raw, &said) == nil && said.URL != ""
}

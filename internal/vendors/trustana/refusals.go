package trustana

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// refusal reads {errorCode, message} (TA-1).
func refusal(a wire.Answer) wire.Refusal {
	var said struct {
		Code    wire.Int  `json:"errorCode"`
		Message wire.Said `json:"message"`
	}
	_ = a.Decode(&said) // an empty or foreign body says nothing
	r := wire.Refusal{Text: string(said.Message)}
	if said.Code != 0 {
		r.Code = strconv.Itoa(int(said.Code))
	}
	return r
}

// isUnknown reports whether an answer says that there is nothing, by its status or by
// the envelope's code under a success: not where it is a page, which is nobody's word
// for the vendor.
func isUnknown(a wire.Answer, err error) bool {
	var e *upload.Error
	return errors.As(err, &e) && !egress.IsPage(a.Header, a.Body) && (e.Status == http.StatusNotFound || e.Status < 300 && e.Code == "404")
}

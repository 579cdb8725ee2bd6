package closient

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

// Contract 6.7 lets a POST be sent again that the vendor's own limiter refused. A page
// says nothing of what the vendor did.
func TestAPageThatSaysTooManyRequestsLeavesItOpenWhetherThereIsAnImage(t *testing.T) {
	r := wiretest.New(t, closient, settings)
	header := http.Header{"Retry-After": {"30"}, "Content-Type": {"text/html"}, "Server": {"gatekeeper"}}
	_, err := Client{}.Received(t.Context(), r.Caller, http.StatusTooManyRequests, header, []byte("<html>"))
	e := r.Failed(err)
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Equal(t, upload.ArrivedMaybe, e.Arrived)
	require.Equal(t, 30*time.Second, e.RetryAfter)
	require.Equal(t, []time.Duration{30 * time.Second}, r.Permits.Slowed, "the account waits all the same")
	require.Contains(t, e.Message, "text/html, server gatekeeper")
}

package trustana_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/trustana"
)

func TestBytesThatArrivedUnnoticedAreNoticedAtTheNextStart(t *testing.T) {
	s := sandboxtest.Start(t)
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	body := sandboxtest.JPEG(t, 5, 5)
	require.Equal(t, 200, sandboxtest.PutJPEG(t, d["uploadUrl"], body).Status)
	// A kill between the storing and the note of it leaves the object, but not the note.
	sandbox.Of[*trustana.Vendor](s).ForgetArrival(d["uploadId"].(string))
	s = sandboxtest.Again(t, s)
	require.Equal(t, 200, sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).Status)
	require.Equal(t, sandboxtest.Sum(body), s.Ledger().Of("trustana")[0].SHA256)
}

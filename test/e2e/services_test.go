package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// shared is a place whose Temporal service is its own, and whose ledger is not.
type shared struct {
	*place
	service service
}

// pair are two places whose programs share a ledger, a key, the accounts of a box and
// the media, but no Temporal service: each has an embedded engine or, where
// temporalVariable names a service, a namespace.
func pair(t *testing.T) (box control, both [2]shared) {
	t.Helper()
	ledger, key, first := ledgertest.Postgres(t), newKey(t), newPlace(t)
	box = first.box()
	second := *first
	second.data = filepath.Join(first.dir, "second")
	second.env = append(slices.Clone(first.env), "MEDIAFERRY_DATA="+second.data)
	t.Cleanup(second.noEngineIsLeft)
	for i, p := range []*place{first, &second} {
		address := os.Getenv(temporalVariable)
		if address == "" {
			p.configure(fmt.Sprintf("ledger: %q\nencryption: {key: \"${MEDIAFERRY_KEY}\"}\n", ledger))
			p.env = append(p.env, "MEDIAFERRY_KEY="+key)
			_, at := p.up()
			both[i] = shared{p, service{stranger(t, at), at.Namespace}}
			continue
		}
		f := fleet{place: p, box: box, service: upLine{Temporal: address, Namespace: newNamespace(t, address)}}
		f.join(ledger, key)
		f.worker()
		both[i] = shared{p, service{stranger(t, f.service), f.service.Namespace}}
	}
	return box, both
}

// refusing has the vendors refuse for a while what no run gets past.
func (c control) refusing() {
	c.t.Helper()
	c.faults("trustana.status=status=503", "trustoo.post=status=503", "sitoo.get=status=503", "closient.list=status=503", "truvideo.status=status=503")
}

// TestTwoTemporalServicesWithOneLedgerSendOnce starts the same uploads at two Temporal
// services. A worker of the second cannot ask whether the first one's runs are open: its
// own run leaves the items to them, and says so.
func TestTwoTemporalServicesWithOneLedgerSendOnce(t *testing.T) {
	t.Parallel()
	box, both := pair(t)
	all := sources(both[0].place)
	box.refusing()
	for vendor, source := range all {
		both[0].do(sending(vendor, "one", source, "--detach")...)
	}
	box.hits(1)
	for vendor, source := range all {
		status, stdout, stderr := both[1].run(sending(vendor, "one", source)...)
		require.Equal(t, 3, status, stderr)
		r := result(t, stdout)
		require.Equal(t, upload.KindSuperseded, r.Error.Kind)
		require.Contains(t, r.Error.Message, "but this worker belongs to namespace "+both[1].service.namespace)
	}
	box.faults()
	for vendor, source := range all {
		r := both[0].ready("upload/" + vendor + "/one")
		once(t, box, vendor, source, r)
		require.Equal(t, r, result(t, both[1].do(sending(vendor, "one", source)...)), "the second service has the first one's result")
		once(t, box, vendor, source, r)
	}
	box.content()
}

// TestTwoTemporalServicesWithOneLedgerShareABatch starts the same batch at two Temporal
// services, which take turns at its rows.
func TestTwoTemporalServicesWithOneLedgerShareABatch(t *testing.T) {
	t.Parallel()
	box, both := pair(t)
	catalogue := both[0].catalogue("spring", 20_000, share{"trustana", 20}, share{"trustoo", 20}, share{"sitoo", 20}, share{"closient", 2})
	box.faults("trustana.status=status=503", "trustoo.post=status=503", "sitoo.get=status=503", "closient.list=status=503")
	for _, p := range both {
		p.do(starting(catalogue, "--id", "spring")...)
		box.hits(few)
	}
	box.faults()
	for _, p := range both {
		p.do("batch", "watch", "spring")
		c := p.service
		for _, run := range batchRuns(t, c, "spring") {
			require.NoError(t, over(t, c, run[0], run[1]), run[0])
		}
	}
	catalogue.delivered(t, box, both[0].report("spring"))
	box.content()
}

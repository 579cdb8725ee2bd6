package wiring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

func TestWhoReadsAPath(t *testing.T) {
	shared := upload.Root{Shared: "catalogue", Path: "/mnt/catalogue"}
	workers := []ledger.Worker{
		{Host: "here", Roots: []string{"/", "/srv/media"}},
		{Host: "pod-1", Shared: map[string]string{"catalogue": "/data"}, Queues: []string{upload.QueueKey(shared.Queue(""))}},
	}
	own := []upload.Root{shared, {Shared: "unread", Path: "/srv/media/unread"}, {Path: "/mnt/catalogue/private"}}
	for _, c := range []struct {
		name, host string
		own        []upload.Root
		path       string
		want       upload.Root
		found      bool
	}{
		{"the narrowest root of the host", "here", own, "/srv/media/a.jpg", upload.Root{Path: "/srv/media"}, true},
		{"a shared root that a worker of another host names", "here", own, "/mnt/catalogue/a.jpg", shared, true},
		{"nobody living names the shared root", "here", own, "/srv/media/unread/a.jpg", upload.Root{Path: "/srv/media"}, true},
		{"own folders are not those of a worker", "here", own, "/mnt/catalogue/private/a.jpg", shared, true},
		{"the path that the worker's own host has", "pod-1", nil, "/data/a.jpg", upload.Root{Shared: "catalogue", Path: "/data"}, true},
		{"another host's path means nothing", "pod-1", nil, "/mnt/catalogue/a.jpg", upload.Root{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			queue, found := wiring.Queue(workers, c.host, c.own, c.path)
			require.Equal(t, c.found, found)
			if found {
				require.Equal(t, c.want.Queue(c.host), queue)
			}
		})
	}
	require.True(t, wiring.Polled(workers, shared.Queue("anywhere")))
	require.True(t, wiring.Polled(workers, upload.Root{Shared: "catalogue", Path: "/elsewhere"}.Queue("")))
	require.False(t, wiring.Polled(workers, upload.Root{Shared: "other", Path: "/data"}.Queue("")))
}

func TestTheSharedFolderWinsAmongEquals(t *testing.T) {
	shared, local := upload.Root{Shared: "nas", Path: "/nas"}, upload.Root{Path: "/nas"}
	for _, roots := range [][]upload.Root{{shared, local}, {local, shared}} {
		best, found := wiring.Narrowest(roots, "/nas/a.jpg")
		require.True(t, found)
		require.Equal(t, shared, best)
	}
}

package upload

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAHostsQueueTellsHostAndRoot(t *testing.T) {
	for _, c := range [][2]string{{"laptop", "/home/ada"}, {"laptop", "/"}, {"host:8", "/srv/a:/b"}, {"a@b", "/srv"}} {
		host, root, ok := ParseHostQueue(HostQueue(c[0], c[1]))
		require.True(t, ok)
		require.Equal(t, c, [2]string{host, root})
	}
	for _, queue := range []string{"", TaskQueue, TaskQueue + "@", TaskQueue + "@:/x", TaskQueue + "@host", "other@host:/x"} {
		_, _, ok := ParseHostQueue(queue)
		require.False(t, ok, queue)
	}
}

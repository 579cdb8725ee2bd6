package upload

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueuesOfRoots(t *testing.T) {
	mine := Root{Shared: "catalogue", Path: "/mnt/catalogue"}
	theirs := Root{Shared: "catalogue", Path: "/Volumes/catalogue"}
	require.NotEqual(t, mine.Queue("a"), theirs.Queue("b"), "the path stands in it, for the item's source is below it")
	for _, of := range []func(string) string{QueueKey, func(queue string) string { return QueueKey(ShardsQueue(queue)) }} {
		require.Equal(t, of(mine.Queue("a")), of(theirs.Queue("b")))
		require.NotEqual(t, of(mine.Queue("a")), of(Root{Path: mine.Path}.Queue("catalogue")))
		require.NotEqual(t, of(mine.Queue("a")), of(Root{Shared: "catalogue2", Path: mine.Path}.Queue("a")))
	}
	require.Equal(t, HostQueue("a", "/srv"), QueueKey(Root{Path: "/srv"}.Queue("a")))
	require.Equal(t, TaskQueue, QueueKey(TaskQueue))

	parsed, ok := ParseSharedQueue(mine.Queue("a"))
	require.True(t, ok)
	require.Equal(t, mine, parsed)
	_, _, ok = ParseHostQueue(mine.Queue("a"))
	require.False(t, ok, "it is the queue of no host")
	_, ok = ParseSharedQueue(HostQueue("a", "/srv"))
	require.False(t, ok)
}

func TestASharedSourceIsFoundWhereTheHostHasIt(t *testing.T) {
	queue := Root{Shared: "catalogue", Path: "/mnt/catalogue"}.Queue("")
	here := map[string]string{"catalogue": "/Volumes/catalogue"}
	for _, c := range []struct{ queue, source, want string }{
		{queue, "/mnt/catalogue/a/b.jpg", "/Volumes/catalogue/a/b.jpg"},
		{queue, "/mnt/catalogue/../secret", "/mnt/catalogue/../secret"}, // not below: refused as it is
		{queue, "/mnt/catalogue2/b.jpg", "/mnt/catalogue2/b.jpg"},
		{HostQueue("one", "/mnt/catalogue"), "/mnt/catalogue/b.jpg", "/mnt/catalogue/b.jpg"},
		{"", "https://cdn.example/b.jpg", "https://cdn.example/b.jpg"},
	} {
		require.Equal(t, c.want, SourceOn(here, c.queue, c.source))
	}
	require.Equal(t, "/mnt/catalogue/b.jpg", SourceOn(nil, queue, "/mnt/catalogue/b.jpg"))
}

func TestNamesOfSharedRoots(t *testing.T) {
	for _, name := range []string{"catalogue", "2026", "nas-1.media_a"} {
		require.True(t, IsSharedName(name), name)
	}
	for _, name := range []string{"", "-a", "a:b", "a@b", "a/b", "Größe"} {
		require.False(t, IsSharedName(name), name)
	}
}

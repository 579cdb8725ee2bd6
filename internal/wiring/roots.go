package wiring

import (
	"slices"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Roots are the folders of a configuration whose files are read on a host: those that it
// shares with others, then its own. given is false where the file names none of its own:
// the programs' defaults differ.
func Roots(c *config.Config) (roots []upload.Root, given bool, err error) {
	if roots, err = c.SharedRoots(); err != nil {
		return nil, false, err
	}
	local, given, err := c.LocalRoots()
	for _, path := range local {
		roots = append(roots, upload.Root{Path: path})
	}
	return roots, given, err
}

// paths are those of roots: nil for nil, which means everything to package sources.
func paths(roots []upload.Root) []string {
	if roots == nil {
		return nil
	}
	all := make([]string, len(roots))
	for i, root := range roots {
		all[i] = root.Path
	}
	return all
}

func localPaths(roots []upload.Root) []string {
	return paths(slices.DeleteFunc(slices.Clone(roots), func(root upload.Root) bool { return root.Shared != "" }))
}

// sharedPaths are those of the shared roots, by name.
func sharedPaths(roots []upload.Root) map[string]string {
	all := map[string]string{}
	for _, root := range roots {
		if root.Shared != "" {
			all[root.Shared] = root.Path
		}
	}
	return all
}

// RootsOn are the folders that the living workers of a host read.
func RootsOn(workers []ledger.Worker, host string) []upload.Root {
	var roots []upload.Root
	for _, w := range workers {
		if w.Host != host {
			continue
		}
		for name, path := range w.Shared {
			roots = append(roots, upload.Root{Shared: name, Path: path})
		}
		for _, path := range w.Roots {
			roots = append(roots, upload.Root{Path: path})
		}
	}
	return roots
}

// Narrowest is the deepest root that covers a path. Of two that are the same folder, it is
// the shared one, because more workers read it.
func Narrowest(roots []upload.Root, path string) (best upload.Root, found bool) {
	for _, root := range roots {
		deeper := len(root.Path) > len(best.Path) || len(root.Path) == len(best.Path) && root.Shared != ""
		if root.Covers(path) && (!found || deeper) {
			best, found = root, true
		}
	}
	return best, found
}

// Queue returns the task queue in which a living worker reads a path of a host: that of
// the narrowest root. own are the roots of the caller's configuration, which is of that
// host, or nil: workers of any host read the shared ones among them.
func Queue(workers []ledger.Worker, host string, own []upload.Root, path string) (queue string, found bool) {
	roots := RootsOn(workers, host)
	for _, root := range own {
		named := func(w ledger.Worker) bool { _, names := w.Shared[root.Shared]; return names }
		if root.Shared != "" && slices.ContainsFunc(workers, named) {
			roots = append(roots, root)
		}
	}
	best, found := Narrowest(roots, path)
	return best.Queue(host), found
}

// HostsPolling are the hosts of the living workers that poll a task queue, sorted.
func HostsPolling(workers []ledger.Worker, queue string) []string {
	key := upload.QueueKey(queue)
	var hosts []string
	for _, w := range workers {
		if slices.Contains(w.Queues, key) && !slices.Contains(hosts, w.Host) {
			hosts = append(hosts, w.Host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// Polled reports whether a living worker polls a task queue.
func Polled(workers []ledger.Worker, queue string) bool {
	key := upload.QueueKey(queue)
	return slices.ContainsFunc(workers, func(w ledger.Worker) bool { return slices.Contains(w.Queues, key) })
}

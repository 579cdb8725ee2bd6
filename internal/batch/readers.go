package batch

import (
	"maps"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// RootReaders says who reads the local sources below one root.
type RootReaders struct {
	Host   upload.Text `json:"host"`        // null for a shared root
	Shared upload.Text `json:"shared_root"` // its name; null for a folder of one host
	Root   string      `json:"root"`
	Rows   int64       `json:"rows"`
	// Workers are the hosts of the workers that read them now. With none, the command that
	// starts the batch reads them, or they wait for a worker.
	Workers []string `json:"workers"`
}

// readers are those who read the local sources, by root.
func (m *planner) readers() []RootReaders {
	all := []RootReaders{}
	for _, queue := range slices.Sorted(maps.Keys(m.queues)) {
		if m.queues[queue] == 0 {
			continue
		}
		one := RootReaders{Rows: m.queues[queue], Workers: []string{}}
		if root, shared := upload.ParseSharedQueue(queue); shared {
			one.Shared, one.Root = upload.Text(root.Shared), root.Path
		} else if host, path, local := upload.ParseHostQueue(queue); local {
			one.Host, one.Root = upload.Text(host), path
		}
		if m.Readers != nil {
			one.Workers = append(one.Workers, m.Readers(queue)...)
		}
		all = append(all, one)
	}
	return all
}

package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/output"
)

// storeTime is for a store to take a small file and to remove it.
const storeTime = 20 * time.Second

// results checks that reports can be written where they belong.
func (d *doctor) results(ctx context.Context) {
	const check = "results"
	if d.RequireSharedResults() != nil {
		return // told with the configuration
	}
	target, err := wiring.Results(d.Config, d.Data)
	if err != nil {
		return // the same
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	err = report.Try(ctx, target)
	var stays *report.StaysError
	switch {
	case errors.As(err, &stays):
		d.say(check, doubt, "reports can be written to "+target.Display("")+", but "+stays.Error(), "remove that file, or allow mediaferry to delete there; reports need no such right")
	case err != nil && upload.IsLocal(target.Place):
		d.say(check, problem, "reports cannot be written: "+err.Error(), "check that the folder of `results` belongs to this user and that its disk has space")
	case err != nil:
		d.say(check, problem, "reports cannot be written: "+err.Error(), "check `results`, and the credentials and rights at its store")
	default:
		d.say(check, fine, "reports can be written to "+target.Display(""), "")
	}
}

// workerFleet checks who carries uploads, of which version they are, and what they read.
func (d *doctor) workerFleet(ctx context.Context) {
	const check = "workers"
	workers, err := d.Ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		d.say(check, problem, err.Error(), "")
		return
	}
	schema, err := d.Ledger.Schema(ctx)
	if err != nil {
		d.say(check, problem, err.Error(), "")
		return
	}
	if len(workers) == 0 {
		d.say(check, fine, "none; each command does its own work", "")
		return
	}
	var hosts []string
	for _, w := range workers {
		hosts = append(hosts, fmt.Sprintf("%s (%d, seen %s)", w.Host, w.PID, output.Ago(w.SeenAt, time.Now())))
	}
	d.say(check, fine, strings.Join(hosts, ", "), "")
	d.versions(workers, schema)
	d.readers(workers)
}

// versions compares the versions of the workers with each other, with this program's, and
// with the ledger.
func (d *doctor) versions(workers []ledger.Worker, schema int64) {
	const check = "versions"
	hosts := map[string][]string{}
	for _, w := range workers {
		at := fmt.Sprintf("%s (%d)", w.Host, w.PID)
		switch {
		case w.Outdated:
			d.say(check, problem, "the worker on "+at+" is too old for the ledger and takes no more work", "stop it and start the new version")
		case w.Schema < schema:
			d.say(check, doubt, fmt.Sprintf("the worker on %s is older than the ledger's schema, version %d; it still works", at, schema), "to complete the rollout, replace it with the new version")
		}
		hosts[w.Version] = append(hosts[w.Version], at)
	}
	var all []string
	for _, version := range slices.Sorted(maps.Keys(hosts)) {
		all = append(all, fmt.Sprintf("%s on %s", named(version), strings.Join(hosts[version], ", ")))
	}
	_, same := hosts[d.Version]
	switch {
	case len(hosts) > 1:
		d.say(check, doubt, "the workers differ: "+strings.Join(all, "; "), "two successive versions can run side by side during a rollout; replace the older workers to complete it")
	case !same:
		d.say(check, doubt, fmt.Sprintf("%s; this program is %s", all[0], named(d.Version)), "install the same version everywhere")
	default:
		d.say(check, fine, fmt.Sprintf("%s everywhere; the ledger's schema has version %d", named(d.Version), schema), "")
	}
}

func named(version string) string {
	if version == "" {
		return "an unknown version"
	}
	return version
}

// readers checks that workers read the folders that the configuration names.
func (d *doctor) readers(workers []ledger.Worker) {
	const check = "sources"
	roots, _, err := wiring.Roots(d.Config)
	if err != nil {
		return // told with the configuration
	}
	var read []string
	for _, root := range roots {
		hosts := readersOf(workers, root)
		if len(hosts) > 0 {
			read = append(read, fmt.Sprintf("%s on %s", root, strings.Join(hosts, ", ")))
			continue
		}
		key := "sources.local_roots"
		if root.Shared != "" {
			key = "sources.shared_roots"
		}
		d.say(check, doubt, fmt.Sprintf("no running worker reads %s, so uploads from there wait", root), "start mediaferry-worker on a host that has the folder, with it in "+key)
	}
	if len(read) > 0 {
		d.say(check, fine, "workers read "+strings.Join(read, "; "), "")
	}
}

// readersOf are the hosts whose workers read a root.
func readersOf(workers []ledger.Worker, root upload.Root) []string {
	var hosts []string
	for _, w := range workers {
		reads := slices.ContainsFunc(w.Roots, func(path string) bool { return upload.Root{Path: path}.Covers(root.Path) })
		if root.Shared != "" {
			_, reads = w.Shared[root.Shared]
		}
		if reads && !slices.Contains(hosts, w.Host) {
			hosts = append(hosts, w.Host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

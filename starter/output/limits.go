package output

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// LimitLines are a batch's limits for people, one a line.
func LimitLines(l upload.Limits) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(l.RPS)) {
		lines = append(lines, fmt.Sprintf("%g calls per second for %s", l.RPS[name], name))
	}
	if l.InFlight > 0 {
		lines = append(lines, fmt.Sprintf("%d rows in flight per worker and account", l.InFlight))
	}
	if l.Bandwidth > 0 {
		lines = append(lines, Size(l.Bandwidth)+"/s per worker")
	}
	if l.Patience != nil {
		lines = append(lines, "an outage is waited out for "+l.Patience.String())
	}
	for _, budget := range l.Failures {
		lines = append(lines, "hold at "+budget.String()+" failures")
	}
	return lines
}

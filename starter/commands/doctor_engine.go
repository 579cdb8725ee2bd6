package commands

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/wiring"
)

// engineBinary checks that there is an engine, or a service instead.
func (d *doctor) engineBinary(ctx context.Context) {
	if wiring.ServiceConfigured() {
		d.service(ctx)
		return
	}
	binary, err := enginePath()
	if err != nil {
		d.say("engine", problem, err.Error(), "build it with: make build")
		return
	}
	state := "is not running"
	if d.EngineRuns(ctx) {
		state = "is running"
	}
	d.say("engine", fine, binary+" "+state, "")
}

// namespace checks what setup prepares.
func (d *doctor) namespace(found wiring.Service) {
	if len(found.Missing) > 0 {
		d.say("namespace", doubt, fmt.Sprintf("%s lacks %d search attributes, so uploads have none", found.Namespace, len(found.Missing)), "to add them: mediaferry setup")
		return
	}
	d.say("namespace", fine, fmt.Sprintf("%s keeps ended workflows for %s and has all search attributes", found.Namespace, wiring.Days(found.Retention)), "")
}

// service checks the Temporal service of the environment.
func (d *doctor) service(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, serviceTime)
	defer cancel()
	found, err := wiring.LookAtService(ctx, d.Data)
	if err == nil {
		d.namespace(found)
		d.deployments(found)
	}
	at := "temporal"
	if found.Address != "" {
		at += " at " + found.Address
	}
	switch {
	case err != nil:
		d.say("engine", problem, at+": "+err.Error(), "check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the other TEMPORAL_ variables")
	case found.Pollers == 0:
		d.say("engine", doubt, fmt.Sprintf("%s, namespace %s: reachable, but no worker is running", at, found.Namespace), "start mediaferry-worker or mediaferry up; until then, each command does its own work")
	default:
		d.say("engine", fine, fmt.Sprintf("%s, namespace %s: reachable; workers for uploads: %d", at, found.Namespace, found.Pollers), "")
	}
}

// deployments tells on which version of the workers new uploads run.
func (d *doctor) deployments(found wiring.Service) {
	const check = "deployment"
	for _, one := range found.Deployments {
		builds := fmt.Sprintf("%s: workers of %s are running", one.Name, strings.Join(one.Polling, ", "))
		switch {
		case one.Current == "":
			d.say(check, doubt, builds+"; none of them is the current version, so they get no uploads", "to make one the current version: mediaferry setup --current "+one.Name+"."+one.Polling[len(one.Polling)-1])
		case !slices.Contains(one.Polling, one.Current):
			d.say(check, problem, builds+"; the current version is "+one.Current+", of which no worker is running, so new uploads wait",
				"start its workers, or make another version the current one: mediaferry setup --current "+one.Name+"."+one.Polling[len(one.Polling)-1])
		default:
			d.say(check, fine, builds+"; new uploads run on "+one.Current, "")
		}
	}
}

func enginePath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(filepath.Dir(self), "mediaferry-engine")
	_, err = os.Stat(binary)
	return binary, err
}

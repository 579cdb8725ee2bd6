package wiring

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// MakeCurrent makes a build the current version of a worker deployment: from now on new
// uploads run on its workers.
func MakeCurrent(ctx context.Context, c Connection, deployment, build string) (Prepared, error) {
	const what = "deployment"
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	temporal, options, err := c.bare(ctx)
	if err != nil {
		return Prepared{}, located(options, err)
	}
	defer temporal.Close()
	handle := temporal.WorkerDeploymentClient().GetHandle(deployment)
	described, err := handle.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return Prepared{
			what, OutcomeFailed, fmt.Sprintf("no worker of deployment %s has connected yet", deployment),
			fmt.Sprintf("start one, and run setup again: mediaferry-worker --deployment %s --build-id %s", deployment, build),
		}, nil
	}
	if err != nil {
		return Prepared{}, fmt.Errorf("read deployment %s: %w", deployment, explain(err))
	}
	if now := described.Info.RoutingConfig.CurrentVersion; now != nil && now.BuildID == build {
		return Prepared{what, OutcomeKept, fmt.Sprintf("build %s of %s is the current one", build, deployment), ""}, nil
	}
	_, err = handle.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build, ConflictToken: described.ConflictToken})
	if err != nil {
		return Prepared{
			what, OutcomeFailed, fmt.Sprintf("could not make build %s of %s the current one: %s", build, deployment, explain(err)),
			"its workers must run first. Deployment " + deployment + " has the builds " + builds(described.Info.VersionSummaries),
		}, nil
	}
	return Prepared{what, OutcomeMade, fmt.Sprintf("build %s of %s is now the current one", build, deployment), ""}, nil
}

func builds(all []client.WorkerDeploymentVersionSummary) string {
	var list []string
	for _, one := range all {
		list = append(list, one.Version.BuildID)
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

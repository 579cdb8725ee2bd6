package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/guard"
)

const (
	loopback    = "127.0.0.1"
	clusterName = "active" // kept in the databases: it cannot change
)

// startServer runs Temporal's services in this process and returns the address of the
// frontend, once that serves the namespace. The frontend takes calls with the data
// folder's token. The others, and the frontend of the server's own workflows, take
// calls of this process alone.
func startServer(ctx context.Context, s settings, files stores, logger *zap.Logger) (string, error) {
	ports, err := servicePorts(s.port)
	if err != nil {
		return "", err
	}
	cfg := serverConfig(ports, files)
	serverLog := log.NewZapLogger(logger)
	tls, err := newInternode()
	if err != nil {
		return "", err
	}
	claims := tokenClaims{guard.Tokens{s.token}}
	server, err := temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(append(slices.Clone(temporal.DefaultServices), string(primitives.InternalFrontendService))),
		temporal.WithStaticHosts(hosts(ports)),
		temporal.WithLogger(serverLog),
		temporal.WithAuthorizer(authorization.NewDefaultAuthorizer()),
		temporal.WithTLSConfigFactory(tls),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.WithDynamicConfigClient(dynamicConfig()),
	)
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	if err := server.Start(); err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	address := onLoopback(ports[primitives.FrontendService])
	return address, settle(ctx, address, s)
}

// metricsEnv names the address on which the server's own metrics are served, for
// whoever measures what uploads cost. Without it there are none.
const metricsEnv = "MEDIAFERRY_ENGINE_METRICS"

// serverConfig is that of one machine alone: one cluster of one member, nothing
// archived, and no listener but those of the services, unless metrics are asked
// for.
func serverConfig(ports map[primitives.ServiceName]int, files stores) *config.Config {
	frontend := onLoopback(ports[primitives.FrontendService])
	cfg := &config.Config{
		Services: map[string]config.Service{},
		Persistence: config.Persistence{
			DefaultStore:     "temporal",
			VisibilityStore:  "visibility",
			NumHistoryShards: 1, // kept in the database: it cannot change
			DataStores: map[string]config.DataStore{
				"temporal":   {SQL: files.temporal},
				"visibility": {SQL: files.visibility},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
	}
	for service, port := range ports {
		cfg.Services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: loopback}}
	}
	if address := os.Getenv(metricsEnv); address != "" {
		cfg.Global.Metrics = &metrics.Config{Prometheus: &metrics.PrometheusConfig{ListenAddress: address, TimerType: "histogram"}}
	}
	cfg.Global.Membership.MaxJoinDuration = 30 * time.Second
	cfg.Global.Membership.BroadcastAddress = loopback
	cfg.DCRedirectionPolicy.Policy = "noop"
	for _, state := range []*string{
		&cfg.Archival.History.State, &cfg.Archival.Visibility.State,
		&cfg.NamespaceDefaults.Archival.History.State, &cfg.NamespaceDefaults.Archival.Visibility.State,
	} {
		*state = config.ArchivalDisabled
	}
	return cfg
}

// dynamicConfig differs from the server's defaults where those are made for a
// cluster.
func dynamicConfig() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// One process serves all pollers: a second partition would only hide
		// tasks from pollers that look into the first.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// No account waits behind the backlog of another.
		dynamicconfig.MatchingEnableFairness.Key(): true,
		// A cancellation is pushed to the worker, and does not wait for the
		// activity's next heartbeat.
		dynamicconfig.WorkerCommandsEnabled.Key():             true,
		dynamicconfig.EnableCancelActivityWorkerCommand.Key(): true,
		// The default suits a machine with much more memory.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 8096,
		// The default of 10 a second is soon used up by a person in the web UI.
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 100,
	}
}

func hosts(ports map[primitives.ServiceName]int) map[primitives.ServiceName]static.Hosts {
	all := map[primitives.ServiceName]static.Hosts{}
	for service, port := range ports {
		all[service] = static.SingleLocalHost(onLoopback(port))
	}
	return all
}

// servicePorts gives every service a port: the frontend the one that was asked
// for, or a free one for 0, and the others free ones.
func servicePorts(frontend int) (map[primitives.ServiceName]int, error) {
	ports := map[primitives.ServiceName]int{}
	if frontend != 0 {
		if err := checkPort("--port", frontend); err != nil {
			return nil, err
		}
		ports[primitives.FrontendService] = frontend
	}
	for _, service := range []primitives.ServiceName{
		primitives.FrontendService, primitives.InternalFrontendService,
		primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		if ports[service] != 0 {
			continue
		}
		port, err := freePort(slices.Collect(maps.Values(ports)))
		if err != nil {
			return nil, err
		}
		ports[service] = port
	}
	return ports, nil
}

// Free ports are looked for below the range from which the kernel takes the ports
// of outgoing connections: a port of that range can be taken by any client
// between the look and the use.
const (
	firstPort = 20000
	lastPort  = 29999
)

func freePort(except []int) (int, error) {
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !slices.Contains(except, port) && checkPort("", port) == nil {
			return port, nil
		}
	}
	return 0, failed(reasonPort, "no free port was found on %s between %d and %d", loopback, firstPort, lastPort)
}

// checkPort finds out beforehand what the server would answer by ending the
// process.
func checkPort(flagName string, port int) error {
	listener, err := net.Listen("tcp", onLoopback(port))
	if err != nil {
		return failed(reasonPort, "%s %d cannot be used: %w", flagName, port, errors.Unwrap(err))
	}
	return listener.Close()
}

func onLoopback(port int) string {
	return net.JoinHostPort(loopback, strconv.Itoa(port))
}

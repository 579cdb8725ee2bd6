package main

import (
	"context"
	"fmt"
	"net/http"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// startUI serves Temporal's web UI and returns its URL once it answers, or
// nothing where no port was given for it. The UI passes on the credentials of its
// caller and has none. It asks its user's browser, and no server, to have payloads
// decoded at the codec endpoint.
func startUI(ctx context.Context, s settings, temporal string) (string, error) {
	if s.uiPort == 0 {
		return "", nil
	}
	if err := checkPort("--ui-port", s.uiPort); err != nil {
		return "", err
	}
	server := uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: temporal,
		Host:                loopback,
		Port:                s.uiPort,
		PublicPath:          s.uiPath,
		EnableUI:            true,
		DefaultNamespace:    s.namespace,
		Codec:               uiconfig.Codec{Endpoint: s.codec},
		CORS:                uiconfig.CORS{CookieInsecure: true}, // there is no TLS on loopback
		DisableNewsFetch:    true,
		HideLogs:            true,
		// Workflows are started by mediaferry alone.
		StartWorkflowDisabled: true,
	}))
	// Start ends the process itself when it cannot listen.
	go func() { _ = server.Start() }()
	url := "http://" + onLoopback(s.uiPort)
	if err := repeat(ctx, func() error { return answersHTTP(ctx, url+"/healthz") }); err != nil {
		return "", fmt.Errorf("waiting for the web UI: %w", err)
	}
	return url, nil
}

func answersHTTP(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return nil
}

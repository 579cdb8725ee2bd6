package enginehost

import (
	"context"
	"fmt"
	"net"
)

// dialProcess connects to a port of loopback that the process pid listens on. Where the
// system can tell that another one does, there is no connection: an engine that is gone
// leaves its port to whoever is fastest, and callers present a secret.
func dialProcess(ctx context.Context, address string, pid int) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	// After the connection: what listens now is what has accepted it.
	if err := checkListener(address, pid); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%s does not belong to the engine: %w", address, err)
	}
	return conn, nil
}

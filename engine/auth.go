package main

import (
	"context"

	"go.temporal.io/server/common/authorization"
	"google.golang.org/grpc/credentials"

	"github.com/mediaferry/mediaferry/internal/guard"
)

// tokenClaims makes whoever presents the data folder's token the administrator of all
// namespaces, and everybody else nobody. Temporal's own authorizer then answers nobody
// anything but whether the server lives.
type tokenClaims struct{ tokens guard.Tokens }

func (c tokenClaims) GetClaims(info *authorization.AuthInfo) (*authorization.Claims, error) {
	if !c.tokens.Accept(guard.BearerOf(info.AuthToken)) {
		return &authorization.Claims{}, nil
	}
	return &authorization.Claims{Subject: "owner", AuthType: "token", System: authorization.RoleAdmin}, nil
}

// bearer presents the token in the calls of this process's own client.
type bearer string

var _ credentials.PerRPCCredentials = bearer("")

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity is false: the client and the server are one process.
func (bearer) RequireTransportSecurity() bool { return false }

// Package identity checks the tokens with which people come from elsewhere: those of an
// OpenID Connect provider, or JSON Web Tokens that a known key signed.
//
// It owns nothing but that check. It refuses to log anybody in and to keep sessions.
package identity

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Options name who vouches for people. The zero value is nobody.
type Options struct {
	Issuer   string // URL of an OpenID Connect provider
	KeyFile  string // PEM file with the public key of a signer
	Audience string // for whom the tokens are made
}

// Check says what is wrong with the options, in the words of their flags.
func (o Options) Check() error {
	switch {
	case o.Issuer != "" && o.KeyFile != "":
		return errors.New("--oidc-issuer and --jwt-key exclude each other")
	case o.Audience == "" && (o.Issuer != "" || o.KeyFile != ""):
		return errors.New("--audience is missing: without it, a token that was made for any other program would be accepted. Use the client ID of the web UI")
	case o.Audience != "" && o.Issuer == "" && o.KeyFile == "":
		return errors.New("--audience needs --oidc-issuer or --jwt-key")
	}
	return nil
}

// People checks tokens. It may be called from several goroutines.
type People struct{ verifier *oidc.IDTokenVerifier }

// askTime bounds one question to the provider.
const askTime = 30 * time.Second

// Open asks the provider for its keys, or reads the one in the file. It returns nil for
// nobody. The provider is asked again when it signs with a new key, for as long as ctx
// lasts.
func Open(ctx context.Context, o Options) (*People, error) {
	settings := &oidc.Config{ClientID: o.Audience, SupportedSigningAlgs: []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
	}}
	switch {
	case o.KeyFile != "":
		key, err := readKey(o.KeyFile)
		if err != nil {
			return nil, err
		}
		settings.SkipIssuerCheck = true
		return &People{oidc.NewVerifier("", &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key}}, settings)}, nil
	case o.Issuer != "":
		provider, err := oidc.NewProvider(oidc.ClientContext(ctx, &http.Client{Timeout: askTime}), o.Issuer)
		if err != nil {
			return nil, fmt.Errorf("--oidc-issuer %s: %w", o.Issuer, err)
		}
		settings.SupportedSigningAlgs = nil // the provider names them
		return &People{provider.Verifier(settings)}, nil
	}
	return nil, nil
}

// Check reports, without an error, that a token is authentic, made for the audience,
// and has not expired.
func (p *People) Check(ctx context.Context, token string) error {
	if token == "" {
		return errors.New("this needs the header \"Authorization: Bearer TOKEN\"; in the web UI, log in and turn on \"Pass access token\"")
	}
	if _, err := p.verifier.Verify(ctx, token); err != nil {
		var expired *oidc.TokenExpiredError
		if errors.As(err, &expired) {
			return errors.New("the token has expired; log in to the web UI again")
		}
		return errors.New("the token is not authentic, or was not made for this audience")
	}
	return nil
}

func readKey(path string) (crypto.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--jwt-key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("--jwt-key: %q is not a PEM file; use a public key (BEGIN PUBLIC KEY) or a certificate", path)
	}
	if block.Type == "CERTIFICATE" {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("--jwt-key: %q: %w", path, err)
		}
		return certificate.PublicKey, nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("--jwt-key: %q has no public key (BEGIN PUBLIC KEY): %w", path, err)
	}
	return key, nil
}

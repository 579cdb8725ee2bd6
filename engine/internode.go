package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"go.temporal.io/server/common/rpc/encryption"
)

// internode is the mutual TLS of the internal services. A server cannot listen on
// sockets that only its own process reaches, so each port takes only callers that hold
// a key which never leaves the memory of this process.
type internode struct {
	certificate tls.Certificate
	pool        *x509.CertPool
}

var _ encryption.TLSConfigProvider = (*internode)(nil)

// internodeName is what the certificate calls the server. Nobody looks it up.
const internodeName = "mediaferry-engine.invalid"

// newInternode makes a key and a certificate that signs itself. It is good for as long
// as a process may live.
func newInternode() (*internode, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("key of the internal services: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: internodeName},
		DNSNames:              []string{internodeName},
		NotBefore:             time.Now().Add(-24 * time.Hour), // clocks are set back
		NotAfter:              time.Now().AddDate(20, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("certificate of the internal services: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate of the internal services: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &internode{certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool: pool}, nil
}

// GetInternodeServerConfig takes callers that hold the key.
func (i *internode) GetInternodeServerConfig() (*tls.Config, error) {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.certificate},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: i.pool,
	}, nil
}

// GetInternodeClientConfig calls servers that hold the key.
func (i *internode) GetInternodeClientConfig() (*tls.Config, error) {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.certificate},
		RootCAs: i.pool, ServerName: internodeName,
	}, nil
}

// GetFrontendServerConfig is none: the frontend asks for the token, on loopback.
func (i *internode) GetFrontendServerConfig() (*tls.Config, error) { return nil, nil }

// GetFrontendClientConfig is none, as that of the server is.
func (i *internode) GetFrontendClientConfig() (*tls.Config, error) { return nil, nil }

// GetRemoteClusterClientConfig is none: there is one cluster.
func (i *internode) GetRemoteClusterClientConfig(string) (*tls.Config, error) { return nil, nil }

// GetExpiringCerts finds none: the certificate ends with the process.
func (i *internode) GetExpiringCerts(time.Duration) (expiring, expired encryption.CertExpirationMap, err error) {
	return nil, nil, nil
}

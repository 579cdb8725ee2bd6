// Package gocql refuses to reach Cassandra. It stands in for the package of the
// same path and declares what the Temporal server compiles against: the store in
// Cassandra is not part of the embedded engine, which keeps everything in SQLite.
package gocql

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"time"
)

var errNotPart = errors.New("the store in Cassandra is not part of the embedded engine")

// Errors that the server tells apart.
var (
	ErrConnectionClosed  = errors.New("connection closed")
	ErrNoConnections     = errors.New("no connections")
	ErrNotFound          = errors.New("not found")
	ErrSessionClosed     = errors.New("session closed")
	ErrTimeoutNoResponse = errors.New("no response in time")
)

// RequestError would be an error of Cassandra.
type RequestError interface {
	error
	Code() int
	Message() string
}

// RequestErrWriteTimeout would be one of its errors.
type RequestErrWriteTimeout struct{}

func (*RequestErrWriteTimeout) Error() string { return errNotPart.Error() }

// Codes of errors. No error has one.
const (
	ErrCodeOverloaded = -1
	ErrCodeInvalid    = -2
)

type (
	// Consistency is that of a query.
	Consistency uint16
	// SerialConsistency is that of a conditional query.
	SerialConsistency uint16
	// BatchType is the kind of a batch.
	BatchType byte
	// UUID is an identifier.
	UUID [16]byte
	// AddressTranslator would change addresses.
	AddressTranslator any
	// AddressTranslatorFunc is one.
	AddressTranslatorFunc func(net.IP, int) (net.IP, int)
	// SpeculativeExecutionPolicy says when a query is sent twice.
	SpeculativeExecutionPolicy any
)

// Consistencies and kinds of batches.
const (
	Any Consistency = iota
	One
	Two
	Three
	Quorum
	All
	LocalQuorum
	EachQuorum
	LocalOne

	LoggedBatch BatchType = iota
	UnloggedBatch
	CounterBatch
)

// ParseConsistency knows no name.
func ParseConsistency(string) Consistency { return Any }

// ParseConsistencyWrapper fails.
func ParseConsistencyWrapper(string) (Consistency, error) { return Any, errNotPart }

// UnmarshalText fails.
func (*SerialConsistency) UnmarshalText([]byte) error { return errNotPart }

func (u UUID) String() string { return hex.EncodeToString(u[:]) }

// ClusterConfig says how to reach Cassandra, which no session does.
type ClusterConfig struct {
	Hosts                    []string
	Port                     int
	ProtoVersion             int
	NumConns                 int
	Keyspace                 string
	Authenticator            any
	HostFilter               any
	SslOpts                  *SslOptions
	ConnectTimeout           time.Duration
	Timeout                  time.Duration
	WriteTimeout             time.Duration
	Consistency              Consistency
	SerialConsistency        SerialConsistency
	DisableInitialHostLookup bool
	ReconnectionPolicy       any
	PoolConfig               struct{ HostSelectionPolicy any }
	AddressTranslator        AddressTranslator
}

type (
	// PasswordAuthenticator holds credentials.
	PasswordAuthenticator struct {
		Username, Password    string
		AllowedAuthenticators []string
	}
	// SslOptions is how to encrypt.
	SslOptions struct {
		*tls.Config
		CaPath                 string
		EnableHostVerification bool
	}
	// ExponentialReconnectionPolicy says when to connect again.
	ExponentialReconnectionPolicy struct {
		MaxRetries                   int
		InitialInterval, MaxInterval time.Duration
	}
)

func NewCluster(hosts ...string) *ClusterConfig { return &ClusterConfig{Hosts: hosts} }
func DataCentreHostFilter(string) any           { return nil }
func TokenAwareHostPolicy(any) any              { return nil }
func RoundRobinHostPolicy() any                 { return nil }

// CreateSession fails, so nothing below is ever called.
func (*ClusterConfig) CreateSession() (*Session, error) { return nil, errNotPart }

type (
	// Session would be a connection to Cassandra.
	Session struct{}
	// Query would be a statement.
	Query struct{}
	// Batch would be several statements.
	Batch struct{}
	// Iter would go through rows.
	Iter struct{}
)

func (*Session) Query(string, ...any) *Query                { return nil }
func (*Session) NewBatch(BatchType) *Batch                  { return nil }
func (*Session) ExecuteBatch(*Batch) error                  { return errNotPart }
func (*Session) AwaitSchemaAgreement(context.Context) error { return errNotPart }
func (*Session) Close()                                     {}
func (*Session) MapExecuteBatchCAS(*Batch, map[string]any) (bool, *Iter, error) {
	return false, nil, errNotPart
}

func (*Batch) Query(string, ...any)                 {}
func (b *Batch) WithContext(context.Context) *Batch { return b }
func (b *Batch) WithTimestamp(int64) *Batch         { return b }

func (*Query) Exec() error                                { return errNotPart }
func (*Query) Scan(...any) error                          { return errNotPart }
func (*Query) ScanCAS(...any) (bool, error)               { return false, errNotPart }
func (*Query) MapScan(map[string]any) error               { return errNotPart }
func (*Query) MapScanCAS(map[string]any) (bool, error)    { return false, errNotPart }
func (*Query) Iter() *Iter                                { return nil }
func (q *Query) PageSize(int) *Query                      { return q }
func (q *Query) PageState([]byte) *Query                  { return q }
func (q *Query) Consistency(Consistency) *Query           { return q }
func (q *Query) WithTimestamp(int64) *Query               { return q }
func (q *Query) WithContext(context.Context) *Query       { return q }
func (q *Query) Bind(...any) *Query                       { return q }
func (q *Query) Idempotent(bool) *Query                   { return q }
func (q *Query) SetSpeculativeExecutionPolicy(any) *Query { return q }

func (*Iter) Scan(...any) bool            { return false }
func (*Iter) MapScan(map[string]any) bool { return false }
func (*Iter) PageState() []byte           { return nil }
func (*Iter) Close() error                { return errNotPart }

// Package mysql refuses to reach MySQL. It stands in for the package of the same
// path and declares what the Temporal server compiles against: the store in MySQL
// is not part of the embedded engine, which keeps everything in SQLite.
package mysql

import (
	"crypto/tls"
	"database/sql/driver"
	"errors"
)

var errNotPart = errors.New("the store in MySQL is not part of the embedded engine")

// MySQLDriver opens no connection.
type MySQLDriver struct{}

// Open fails.
func (MySQLDriver) Open(string) (driver.Conn, error) { return nil, errNotPart }

// OpenConnector fails.
func (MySQLDriver) OpenConnector(string) (driver.Connector, error) { return nil, errNotPart }

// MySQLError would be an error of MySQL.
type MySQLError struct{ Number uint16 }

func (*MySQLError) Error() string { return errNotPart.Error() }

// Config says how to reach MySQL, which the driver does not.
type Config struct {
	User, Passwd, Net, Addr, DBName string
	Params                          map[string]string
	RejectReadOnly                  bool
}

// NewConfig returns an empty configuration.
func NewConfig() *Config { return &Config{} }

// FormatDSN returns nothing.
func (*Config) FormatDSN() string { return "" }

// RegisterTLSConfig fails.
func RegisterTLSConfig(string, *tls.Config) error { return errNotPart }

// Package pq refuses to reach PostgreSQL. It stands in for the package of the same
// path and declares what the Temporal server compiles against: the store in
// PostgreSQL is not part of the embedded engine, which keeps everything in SQLite.
package pq

import (
	"database/sql/driver"
	"errors"
)

var errNotPart = errors.New("the store in PostgreSQL is not part of the embedded engine")

// Driver opens no connection.
type Driver struct{}

// Open fails.
func (*Driver) Open(string) (driver.Conn, error) { return nil, errNotPart }

// NewConnector fails.
func NewConnector(string) (driver.Connector, error) { return nil, errNotPart }

// Error would be an error of PostgreSQL.
type Error struct{ Code, Message string }

func (*Error) Error() string { return errNotPart.Error() }

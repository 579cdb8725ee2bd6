// Package membership stands in for the package of the same path, which the
// Temporal server compiles against. See the package ringpop.
package membership

// Member would be a member of the cluster.
type Member interface {
	GetAddress() string
	Identity() string
	Label(key string) (value string, has bool)
}

// ChangeEvent would say that members came or went.
type ChangeEvent struct{}

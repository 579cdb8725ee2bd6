// Package events stands in for the package of the same path, which the Temporal
// server compiles against. See the package ringpop.
package events

type (
	// Event would be a change of the cluster.
	Event any
	// EventListener would be told of it.
	EventListener interface{ HandleEvent(Event) }
)

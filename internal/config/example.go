package config

import (
	_ "embed"
	"slices"
)

//go:embed example.yaml
var example []byte

// Example returns a commented mediaferry.yaml with an account at every vendor and
// all secrets taken from the environment.
func Example() []byte { return slices.Clone(example) }

// Package fleet holds what starts a fleet, docker-compose.yml and the manifests for
// Kubernetes, against the programs: commands and flags against the pages of the commands,
// configurations against our loader, ports and mounted files against each other.
//
// It consists of tests only. They start no containers: `make compose-check` does, with the
// test that has the build tag compose.
package fleet

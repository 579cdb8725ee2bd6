// Package walls holds the tests that keep rooms apart where a linter cannot see:
// it searches the sources of all modules for vendors' names and for decisions on
// error kinds. Import rules are in .golangci.yml; a test here makes sure that each
// of them still matches files. Other tests keep the documentation true: its links,
// the paths and names that it mentions, its glossary, and the reasons for
// dependencies.
//
// It holds no code of the program. Every exception is listed in exceptions_test.go
// with its reason, and one that is no longer needed fails the test, so that the
// list can only shrink.
package walls

// Package sprig has no functions for templates. It stands in for the package of
// the same path, with which the Temporal server expands configuration files: the
// embedded engine reads none, its configuration is made in code.
package sprig

import "text/template"

// FuncMap returns no function, so a template that calls one is refused.
func FuncMap() template.FuncMap { return nil }

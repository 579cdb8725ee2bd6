package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// follow resolves an alias.
func follow(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

func kindName(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	return "a single value"
}

// below returns the dotted name of a key.
func below(where, key string) string {
	if where == "" {
		return key
	}
	return where + "." + key
}

// within names the mapping that a key is in, or nothing at the top level.
func within(where string) string {
	if where == "" {
		return ""
	}
	return " in " + where
}

func named(where string) string {
	if where == "" {
		return "the document"
	}
	return where
}

func list(words []string) string { return strings.Join(words, ", ") }

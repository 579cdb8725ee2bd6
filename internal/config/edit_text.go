package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// newFile begins a configuration that AddAccount creates.
const newFile = "# mediaferry.yaml: vendor accounts. `mediaferry init -o -` shows all that can be set.\n\naccounts:\n"

// withAccount is a text with one more account. The account is put behind the last one, so
// that the text around it stays as it is. Where that does not come to the same as adding
// it to the document, the document is written anew, with its comments.
func withAccount(old []byte, account NewAccount) ([]byte, error) {
	if len(bytes.TrimSpace(old)) == 0 {
		old = append(bytes.Clone(old), newFile...)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(old, &document); err != nil {
		return nil, err
	}
	if document.Kind == 0 { // comments only
		old = append(append(bytes.Clone(old), '\n'), "accounts:\n"...)
		if err := yaml.Unmarshal(old, &document); err != nil {
			return nil, err
		}
	}
	text := inserted(old, &document, account)
	added := addNode(&document, account)
	if added != nil {
		return nil, added
	}
	anew, err := yaml.Marshal(&document)
	if err != nil {
		return nil, err
	}
	if sameYAML(text, anew) {
		return text, nil
	}
	return anew, nil
}

func sameYAML(a, b []byte) bool {
	var one, other any
	return yaml.Unmarshal(a, &one) == nil && yaml.Unmarshal(b, &other) == nil && reflect.DeepEqual(one, other)
}

// accountsOf finds the mapping of accounts in a document, and the key before it.
func accountsOf(document *yaml.Node) (root, key, accounts *yaml.Node) {
	root = document.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "accounts" {
			return root, root.Content[i], root.Content[i+1]
		}
	}
	return root, nil, nil
}

// addNode adds an account to a document.
func addNode(document *yaml.Node, account NewAccount) error {
	root, _, accounts := accountsOf(document)
	if root.Kind != yaml.MappingNode {
		return errors.New("the document is not a mapping")
	}
	text := func(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }
	if accounts == nil {
		accounts = &yaml.Node{Kind: yaml.MappingNode}
		root.Content = append(root.Content, text("accounts"), accounts)
	}
	if isNull(accounts) {
		*accounts = yaml.Node{Kind: yaml.MappingNode}
	}
	entry := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text("vendor"), text(account.Vendor)}}
	for _, pair := range account.Settings {
		entry.Content = append(entry.Content, text(pair.Key), text(pair.Value))
	}
	accounts = follow(accounts)
	accounts.Content = append(accounts.Content, text(account.Name), entry)
	return nil
}

// inserted is the text with the account's lines behind those of the last account. It is
// only a guess where a document is written in an unusual way.
func inserted(old []byte, document *yaml.Node, account NewAccount) []byte {
	ending := "\n"
	if bytes.Contains(old, []byte("\r\n")) {
		ending = "\r\n"
	}
	lines := strings.Split(strings.TrimSuffix(string(old), "\n"), "\n")
	_, key, accounts := accountsOf(document)
	indent, at := 2, len(lines)
	var before []string
	switch {
	case key == nil:
		before = []string{"", "accounts:"}
	case accounts.Kind == yaml.MappingNode && len(accounts.Content) > 0:
		indent = accounts.Content[0].Column - 1
		at = endOf(lines, lastLine(accounts), indent)
	default:
		at = key.Line
		lines[at-1] = strings.Replace(lines[at-1], " {}", "", 1)
	}
	if key != nil && len(accounts.Content) > 2 && spaced(lines, accounts) {
		before = []string{""}
	}
	all := append(lines[:at:at], before...)
	all = append(all, entryLines(account, indent)...)
	all = append(all, lines[at:]...)
	for i := range all {
		all[i] = strings.TrimSuffix(all[i], "\r")
	}
	return []byte(strings.Join(all, ending) + ending)
}

// entryLines are the lines of an account, at an indentation.
func entryLines(account NewAccount, indent int) []string {
	outer, inner := strings.Repeat(" ", indent), strings.Repeat(" ", 2*indent)
	all := []string{outer + plain(account.Name) + ":", inner + "vendor: " + plain(account.Vendor)}
	for _, pair := range account.Settings {
		all = append(all, inner+pair.Key+": "+plain(pair.Value))
	}
	return all
}

// plain writes one value, with quotation marks where it needs them.
func plain(value string) string {
	raw, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Value: value})
	if err != nil {
		return fmt.Sprintf("%q", value)
	}
	return strings.TrimSpace(string(raw))
}

// lastLine is the last line, from 1, on which a part of a node begins.
func lastLine(node *yaml.Node) int {
	last := node.Line
	for _, part := range node.Content {
		last = max(last, lastLine(part))
	}
	return last
}

// endOf is the number of lines up to the end of a block that goes on after a line: what
// is indented as its keys are belongs to it.
func endOf(lines []string, after, indent int) int {
	end := after
	for i := after; i < len(lines); i++ {
		text := strings.TrimSpace(lines[i])
		if text == "" {
			continue
		}
		if len(lines[i])-len(strings.TrimLeft(lines[i], " ")) < indent {
			break
		}
		end = i + 1
	}
	return end
}

// spaced reports whether blank lines part the accounts.
func spaced(lines []string, accounts *yaml.Node) bool {
	second := accounts.Content[2]
	for i := second.Line - 2; i >= 0 && i >= accounts.Content[0].Line; i-- {
		switch text := strings.TrimSpace(lines[i]); {
		case text == "":
			return true
		case !strings.HasPrefix(text, "#"):
			return false
		}
	}
	return false
}

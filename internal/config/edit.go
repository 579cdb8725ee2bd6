package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ErrAccountExists means that a configuration already has an account of that name.
var ErrAccountExists = errors.New("account exists already")

// NewAccount is an account to be added to a configuration.
type NewAccount struct {
	Name, Vendor string
	Settings     []NewSetting // written in this order
}

// NewSetting is a key of an account with its value, which may refer to a variable or a
// file. A secret is written to a file of its own, to which the configuration then refers.
type NewSetting struct {
	Key, Value string
	Secret     bool
}

// Added says what AddAccount did.
type Added struct {
	Created bool     // there was no file before
	Files   []string // the secret files that were written
	Advice  Problems // values that the vendor probably rejects
}

// AddAccount adds an account to a configuration, which is created if there is none. The
// rest of the file keeps its text and its mode. Nothing is changed unless the result is a
// valid configuration: otherwise the error says what is wrong.
func AddAccount(path string, account NewAccount) (added Added, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return added, err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays one
	}
	old, err := current(path, account.Name)
	if errors.Is(err, fs.ErrNotExist) {
		added.Created, err = true, os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return added, err
	}
	undo := func() {
		for _, file := range added.Files {
			_ = os.Remove(file) // written a moment ago, for nothing
		}
		added.Files = nil
		removeEmpty(filepath.Join(filepath.Dir(path), secretsFolder))
	}
	account.Settings = slices.Clone(account.Settings)
	for i, setting := range account.Settings {
		if !setting.Secret {
			continue
		}
		file, err := writeSecret(path, account.Name+"."+setting.Key, setting.Value)
		if err != nil {
			undo()
			return added, err
		}
		added.Files = append(added.Files, filepath.Join(filepath.Dir(path), file))
		account.Settings[i].Value = "${file:" + file + "}"
	}
	text, err := withAccount(old, account)
	if err == nil {
		added.Advice, err = replaceFile(path, old, text, account.Name)
	}
	if err != nil {
		undo()
	}
	return added, err
}

// Vacant makes sure that AddAccount can add an account of this name.
func Vacant(path, name string) error {
	if !accountName.MatchString(name) {
		return Problems{{Message: fmt.Sprintf("invalid account name %q", name), Hint: accountNameHint}}
	}
	if _, err := current(path, name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// current is the text of a configuration that is valid and lacks the account. It is nil
// if there is no file.
func current(path, name string) ([]byte, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	c, err := Load(path)
	if err != nil {
		return nil, err
	}
	if _, err := c.find(name); err == nil {
		return nil, fmt.Errorf("%s: %w: %s", path, ErrAccountExists, name)
	}
	return os.ReadFile(path)
}

// secretsFolder is where AddAccount puts secrets, beside the configuration.
const (
	secretsFolder = "secrets"
	ignoreFile    = ".gitignore"
)

// writeSecret writes a secret that nobody else can read, and returns its path from the
// configuration's folder. A file that is there stays as it is.
func writeSecret(config, name, secret string) (string, error) {
	folder := filepath.Join(filepath.Dir(config), secretsFolder)
	err := os.Mkdir(folder, 0o700)
	if err == nil { // secrets have no place in a repository
		err = os.WriteFile(filepath.Join(folder, ignoreFile), []byte("*\n"), 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("folder for secrets: %w", err)
	}
	path := filepath.Join(folder, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", Problems{{Message: "secret file " + path + " exists already", Hint: "remove it, or refer to it with ${file:" + path + "}"}}
	}
	if err != nil {
		return "", fmt.Errorf("secret file: %w", err)
	}
	_, err = file.WriteString(secret + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(path) // it is incomplete
		return "", fmt.Errorf("secret file: %w", err)
	}
	return filepath.Join(secretsFolder, name), nil
}

// removeEmpty removes a folder for secrets that holds none.
func removeEmpty(folder string) {
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 || files[0].Name() != ignoreFile {
		return
	}
	_ = os.Remove(filepath.Join(folder, ignoreFile)) // it says nothing
	_ = os.Remove(folder)                            // where a secret was put into it meanwhile, it stays
}

// replaceFile puts a new text in the place of a configuration, if it is valid and the old
// one is still there.
func replaceFile(path string, old, text []byte, name string) (advice Problems, err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // where it was not renamed
	_, err = temporary.Write(text)
	if was, statErr := os.Stat(path); statErr == nil {
		err = errors.Join(err, temporary.Chmod(was.Mode().Perm()), keepOwner(temporary, was))
	}
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	next, err := Load(temporary.Name())
	if err != nil {
		return nil, renamed(err, temporary.Name(), path)
	}
	problems, advice := next.check(name)
	if len(problems) > 0 {
		return nil, renamed(problems, temporary.Name(), path)
	}
	now, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !bytes.Equal(now, old) {
		return nil, fmt.Errorf("configuration %s was changed by somebody else in this moment; try again", path)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	for i := range advice {
		advice[i].File = path
	}
	return advice, nil
}

// check finds what is wrong with one account apart from variables that are not set yet.
func (c *Config) check(name string) (problems, advice Problems) {
	a, err := c.find(name)
	if err != nil {
		return Problems{{File: c.Path, Message: err.Error()}}, nil
	}
	known := true
	for setting, v := range a.values {
		if len(v.missing) > 0 && !v.lacksFile() {
			v.missing, v.text = nil, "?"
			a.values[setting], known = v, false
		}
	}
	account, found := c.assemble(a)
	if problems = found.all(); len(problems) > 0 || a.spec.Advise == nil || !known {
		return problems, nil
	}
	for _, text := range a.spec.Advise(account.Settings) {
		advice = append(advice, a.problem(c.Path, "accounts.%s: %s", a.name, text))
	}
	return nil, advice
}

// renamed words an error about a file that was tried under another name.
func renamed(err error, from, to string) error {
	var all Problems
	if !errors.As(err, &all) {
		return fmt.Errorf("%s", strings.ReplaceAll(err.Error(), from, to))
	}
	words := make(Problems, len(all))
	for i, one := range all {
		one.File = strings.ReplaceAll(one.File, from, to)
		one.Message, one.Hint = strings.ReplaceAll(one.Message, from, to), strings.ReplaceAll(one.Hint, from, to)
		words[i] = one
	}
	return words
}

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

// lacksFile reports whether a secret file is missing.
func (v value) lacksFile() bool {
	for _, lack := range v.missing {
		if lack.file {
			return true
		}
	}
	return false
}

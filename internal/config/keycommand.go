package config

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mediaferry/mediaferry/internal/egress"
)

const (
	// keyCommandTime is how long the command that gives the key may take: it may ask a
	// key management service, and a person.
	keyCommandTime = time.Minute
	// keyCommandEnd is how long after that its output is waited for, which a process
	// that it started may hold open.
	keyCommandEnd = 2 * time.Second
	// mostSaid is how many bytes of a command's errors are kept, and how many
	// characters of these an error shows.
	mostSaid, shownSaid = 4096, 200
)

// keyCommand is a program whose output is the encryption key, with its arguments.
type keyCommand struct {
	line int
	argv []value
}

// encryptionKey reads encryption.key: a value, or a command.
func (r *reader) encryptionKey(where string, node *yaml.Node) {
	if follow(node).Kind != yaml.MappingNode {
		r.scalar(where, node)
		return
	}
	r.mapping(where, node, []entry{{"command", r.keyCommand}})
	if r.config.keyCommand == nil {
		r.problem(node, "use {command: [PROGRAM, ARGUMENT]}, or the key itself", "%s has no command", where)
	}
}

func (r *reader) keyCommand(where string, node *yaml.Node) {
	list := follow(node)
	command := &keyCommand{line: node.Line}
	r.config.keyCommand = command
	if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		r.problem(node, "use a list of a program and its arguments, for example [vault, kv, get, -field=key, secret/mediaferry]; no shell is involved",
			"%s is %s", where, kindName(list))
		return
	}
	for i, member := range list.Content {
		if v, ok := r.value(fmt.Sprintf("%s[%d]", where, i), member); ok {
			command.argv = append(command.argv, v)
		}
	}
}

// run runs the command, without a shell, and returns what it prints. Its folder is that
// of the configuration, dir. An error tells what it complained about, without secrets.
func (k *keyCommand) run(ctx context.Context, dir string) (string, error) {
	f := &findings{}
	var argv []string
	for _, v := range k.argv {
		argv = append(argv, f.text(v))
	}
	if err := f.err(); err != nil {
		return "", err
	}
	if len(argv) == 0 || argv[0] == "" {
		return "", errors.New("the command is empty")
	}
	program := argv[0]
	if strings.ContainsRune(program, filepath.Separator) || strings.HasPrefix(program, "~/") {
		program = absolute(dir, program)
	}
	ctx, cancel := context.WithTimeout(ctx, keyCommandTime)
	defer cancel()
	out, said := bounded{most: secretMost}, bounded{most: mostSaid}
	command := exec.CommandContext(ctx, program, argv[1:]...) //nolint:gosec // the operator's own configuration names it
	command.Dir, command.Stdout, command.Stderr, command.WaitDelay = dir, &out, &said, keyCommandEnd
	err := command.Run()
	name := filepath.Base(program)
	switch text := strings.TrimSpace(string(out.text)); {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "", fmt.Errorf("%s did not end within %s%s", name, keyCommandTime, said.told())
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("%s failed: %s%s", name, egress.Cause(startFault(err)), said.told())
	case out.over:
		return "", fmt.Errorf("%s printed more than %d bytes; it must print only the key", name, secretMost)
	case text == "":
		return "", fmt.Errorf("%s printed nothing; it must print the key%s", name, said.told())
	default:
		egress.Hide(text)
		return text, nil
	}
}

// startFault is an error without the path that package exec puts in front.
func startFault(err error) error {
	var e *exec.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// bounded keeps the first bytes of what is written.
type bounded struct {
	text []byte
	most int
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - len(b.text)
	b.over = b.over || len(p) > room
	b.text = append(b.text, p[:min(room, len(p))]...)
	return len(p), nil
}

// told is what a command complained about, for an error; "" where it did not.
func (b *bounded) told() string {
	if text := egress.Line(string(b.text), shownSaid); text != "" {
		return "; it said: " + text
	}
	return ""
}

package upload

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// Root is a folder whose files workers read as local sources.
type Root struct {
	// Shared is the name under which several hosts have the same files, each perhaps at a
	// path of its own; "" for a folder of one host.
	Shared string
	Path   string // absolute, on the host that is meant
}

// String is the path, after the name of a shared root.
func (r Root) String() string {
	if r.Shared != "" {
		return r.Shared + "=" + r.Path
	}
	return r.Path
}

// sharedName is what a shared root may be called: the name stands in names of queues.
var sharedName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// IsSharedName reports whether text can be the name of a shared root.
func IsSharedName(text string) bool { return sharedName.MatchString(text) }

// Covers reports whether a path lies below the root.
func (r Root) Covers(path string) bool {
	_, below := r.relative(path)
	return below
}

func (r Root) relative(path string) (string, bool) {
	relative, err := filepath.Rel(r.Path, path)
	return relative, err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}

// Queue is the queue of the activities that read the root's files on a host. The files of
// a shared root are read by every worker that names it.
func (r Root) Queue(host string) string {
	if r.Shared != "" {
		return TaskQueue + "@@" + r.Shared + ":" + r.Path
	}
	return HostQueue(host, r.Path)
}

// HostQueue is the queue of activities that read local files: those below root,
// on one host. A worker polls one such queue for each of its roots.
func HostQueue(host, root string) string { return TaskQueue + "@" + host + ":" + root }

// ParseHostQueue reads what HostQueue wrote. A host's name holds no colon that
// is followed by a slash, and a root begins with one.
func ParseHostQueue(queue string) (host, root string, ok bool) {
	host, root, ok = parseQueue(queue)
	return host, root, ok && !strings.HasPrefix(host, "@")
}

// ParseSharedQueue reads what Root.Queue wrote of a shared root: its name, and its path on
// the host of whoever made the item.
func ParseSharedQueue(queue string) (root Root, ok bool) {
	host, path, ok := parseQueue(queue)
	name, shared := strings.CutPrefix(host, "@")
	return Root{Shared: name, Path: path}, ok && shared
}

func parseQueue(queue string) (place, root string, ok bool) {
	rest, ok := strings.CutPrefix(queue, TaskQueue+"@")
	if !ok {
		return "", "", false
	}
	at := strings.Index(rest, ":/")
	if at <= 0 {
		return "", "", false
	}
	return rest[:at], rest[at+1:], true
}

// QueueKey is what identifies a queue to those who poll it: of a shared root's the name,
// without the path that it has on one host.
func QueueKey(queue string) string {
	kind, place, local := strings.Cut(queue, "@")
	if !local || !strings.HasPrefix(place, "@") {
		return queue
	}
	name, _, _ := strings.Cut(place, ":")
	return kind + "@" + name
}

// SourceOn is the path of a source on a host that has these shared roots by name: a source
// of a shared root may lie elsewhere there. Any other source is the same everywhere.
func SourceOn(shared map[string]string, queue, source string) string {
	root, ok := ParseSharedQueue(queue)
	if !ok {
		return source
	}
	here, known := shared[root.Shared]
	relative, below := root.relative(source)
	if !known || !below {
		return source
	}
	return filepath.Join(here, relative)
}

// Readers says in words which workers poll a queue.
func Readers(queue string) string {
	if root, ok := ParseSharedQueue(queue); ok {
		return fmt.Sprintf("that has the shared root %s (%s)", root.Shared, root.Path)
	}
	if host, root, ok := ParseHostQueue(queue); ok {
		return fmt.Sprintf("on host %s that can read %s", host, root)
	}
	return "that can read the source"
}

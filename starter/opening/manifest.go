package opening

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// Manifests finds and opens the manifests that a command is given.
type Manifests struct{ session *Session }

// NewManifests returns what finds and opens manifests for a command.
func NewManifests(s *Session) Manifests { return Manifests{session: s} }

// RowRoot is the root of this command's own that covers a row's path. The error is
// the row's where none does.
func (m Manifests) RowRoot(path string) (upload.Root, error) {
	root, err := m.session.OwnRoot(path)
	var outside *exit.UsageError
	if errors.As(err, &outside) {
		return upload.Root{}, upload.Errorf(upload.KindInvalid, upload.StepClaim, "%s", outside.Text).WithHint("%s", outside.Hint)
	}
	return root, err
}

// RowSources looks at the sources of rows that this command or a worker of this host
// would read.
func (m Manifests) RowSources(workers []ledger.Worker, host string) (*sources.Sources, error) {
	roots, err := m.session.Roots()
	if err != nil {
		return nil, err
	}
	return wiring.Sources(m.session.Config, append(slices.Clip(roots), wiring.RootsOn(workers, host)...), m.session.Data)
}

// Locate finds the manifest that was named. Standard input is kept in a file for
// as long as the command runs, because it is read twice.
func (m Manifests) Locate(ctx context.Context, given string) (manifest.Place, error) {
	here, err := os.Getwd()
	if err != nil {
		return manifest.Place{}, fmt.Errorf("current folder: %w", err)
	}
	if given != "-" {
		place, err := manifest.Locate(given, here)
		if err != nil {
			return place, exit.Misused("%s", upload.AsError(err, "").Message)
		}
		return place, m.readable(place)
	}
	folder, err := os.MkdirTemp("", "mediaferry-manifest-")
	if err != nil {
		return manifest.Place{}, fmt.Errorf("folder for standard input: %w", err)
	}
	m.session.OnClose(func() { _ = os.RemoveAll(folder) }) // temporary: the system would remove it as well
	return manifest.Spool(ctx, os.Stdin, filepath.Join(folder, "manifest"), here)
}

// readable refuses a local manifest that is missing, or that this user cannot read.
func (m Manifests) readable(place manifest.Place) error {
	if !upload.IsLocal(place.Source) {
		return nil
	}
	info, err := os.Stat(place.Source)
	if os.IsNotExist(err) {
		return m.missing(place)
	}
	if err == nil && (info.Mode().IsRegular() || info.IsDir()) { // to open a pipe would be to wait for a writer
		var file *os.File
		if file, err = os.Open(place.Source); err == nil {
			err = file.Close()
		}
	}
	var system *fs.PathError
	if !errors.As(err, &system) {
		return err
	}
	return &exit.UsageError{Text: fmt.Sprintf("manifest %s cannot be read: %s", place.Source, system.Err), Hint: "check its owner and mode, and those of its folder"}
}

// missing is the error of a manifest that does not exist. It names what is nearby.
func (m Manifests) missing(place manifest.Place) error {
	usage := exit.Misused("manifest %s does not exist", place.Source)
	if all, err := wiring.Sources(m.session.Config, nil, m.session.Data); err == nil { // with a wrong configuration, nothing is read anyway
		usage.Hint = all.Nearby(place.Source)
	}
	return usage
}

// Opener opens manifests wherever the user can read: local_roots are about
// sources.
func (m Manifests) Opener() (manifest.Opener, error) {
	all, err := wiring.Sources(m.session.Config, nil, m.session.Data)
	if err != nil {
		return nil, err
	}
	return manifest.From(all), nil
}

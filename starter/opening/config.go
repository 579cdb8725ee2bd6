package opening

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/sandboxhost"
	"github.com/mediaferry/mediaferry/internal/trust"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// OpenConfig finds and reads the configuration. If there is none, that of a
// Sandbox in the data folder serves.
func (s *Session) OpenConfig() error {
	if s.Lent {
		return nil
	}
	path, searched, err := config.Find(s.Flags.Config)
	if err != nil {
		return &exit.UsageError{Text: err.Error(), Hint: "choose the configuration with --config or " + config.FileEnv}
	}
	if config.FromCurrentFolder(s.Flags.Config, path) {
		s.Say("using the configuration %s of the current folder", path)
	}
	if path == "" {
		sandboxed := filepath.Join(s.Data, sandboxhost.ConfigFile)
		if _, err := os.Stat(sandboxed); err == nil {
			if err := s.OpenData(); err != nil {
				return err
			}
			path = sandboxed
			s.Log.Info("no configuration was given; using the sandbox's", zap.String("config", path))
		}
	}
	s.Live = config.Watch(path, func(err error) { s.Say("%s: %s; the last valid configuration stays in use", path, err) })
	if s.Config, err = s.Live.Config(); err != nil {
		return err
	}
	if path == "" {
		s.Config = config.Empty(searched)
	}
	for _, warning := range s.Config.Warnings {
		s.Say("warning: %s", warning.Error())
	}
	return nil
}

// OpenData makes the data folder, for this user alone. One of another user's, or in
// which others can write, is refused.
func (s *Session) OpenData() error {
	closed, err := trust.Folder(s.Data)
	var refusal *trust.Refusal
	switch {
	case errors.As(err, &refusal):
		return &exit.UsageError{Text: "data folder " + refusal.Path + " " + refusal.Why, Hint: refusal.Hint + " (or choose another folder with --data)"}
	case err != nil:
		return fmt.Errorf("data folder: %w; choose another one with --data", err)
	case closed:
		s.Log.Info("removed the permissions of other users from the data folder, because keys and tokens are kept there", zap.String("data", s.Data))
	}
	return nil
}

// OpenKeys makes the data folder and reads the keys, or makes one there.
func (s *Session) OpenKeys(ctx context.Context) error {
	if s.Lent {
		return nil
	}
	err := s.OpenData()
	if err != nil {
		return err
	}
	s.Keys, err = s.Config.EncryptionKeys(ctx, s.Data, !wiring.ServiceConfigured())
	var system syscall.Errno
	if err == nil || ctx.Err() != nil || errors.As(err, &system) { // the disk's fault, and not the configuration's
		return err
	}
	misuse := exit.UsageError{Text: err.Error(), Hint: keyHint()}
	if missing := (*config.KeyMissingError)(nil); errors.As(err, &missing) {
		return &missingKeyError{misuse, missing.Path}
	}
	return &misuse
}

// missingKeyError says that there is no key where the ledger may need one.
type missingKeyError struct {
	exit.UsageError
	path string
}

func (e *missingKeyError) Unwrap() error { return &e.UsageError }

// keyError says that the key is lost, or another one than the ledger's.
type keyError struct{ exit.UsageError }

func (e *keyError) Unwrap() error { return &e.UsageError }

// keyHint says where the key comes from.
func keyHint() string {
	if wiring.ServiceConfigured() {
		return "set encryption.key in the configuration; the data folder's key is only for the embedded engine"
	}
	return "the key comes from encryption.key in the configuration, or from the file `key` in the data folder"
}

// lostHint says where a key belongs that the ledger needs.
func lostHint() string {
	if wiring.ServiceConfigured() {
		return "restore the key from a backup: append it to encryption.key in the configuration, after a comma"
	}
	return "restore the key from a backup: append it to encryption.key in the configuration, after a comma, or to the file `key` in the data folder, on a line of its own"
}

// RequireSharedResults refuses a Temporal service without a place for reports: whichever
// worker ends a batch writes them, and no other process reads a folder of its own.
func (s *Session) RequireSharedResults() error {
	if !wiring.ServiceConfigured() {
		return nil
	}
	place, err := s.Config.Results()
	if err != nil || place != "" {
		return err
	}
	return &exit.UsageError{
		Text: "`results` is missing; with a Temporal service, all users need a shared place for reports",
		Hint: "in the configuration, set results: to a shared folder, s3://… or oss://…",
	}
}

// Host is the name under which this machine's workers are known.
func (s *Session) Host() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name of this host: %w", err)
	}
	return name, nil
}

// Roots are the folders whose files this command may read. Where the configuration
// does not say, these are all folders, and the worker leaves out what is closed by
// default.
func (s *Session) Roots() ([]upload.Root, error) {
	roots, given, err := wiring.Roots(s.Config)
	if err != nil || given {
		return roots, err
	}
	return append(roots, wiring.AnyRoot), nil
}

// OwnRoot is the root of this command's own that covers a path.
func (s *Session) OwnRoot(path string) (upload.Root, error) {
	roots, err := s.Roots()
	if err != nil {
		return upload.Root{}, err
	}
	if root, found := wiring.Narrowest(roots, path); found {
		return root, nil
	}
	var shared, local []string
	for _, root := range roots {
		if root.Shared != "" {
			shared = append(shared, root.Path)
		} else {
			local = append(local, root.Path)
		}
	}
	text := fmt.Sprintf("%s is outside the folders in sources.local_roots: %s", path, strings.Join(local, ", "))
	if len(shared) > 0 {
		text += "; and in sources.shared_roots: " + strings.Join(shared, ", ")
	}
	return upload.Root{}, &exit.UsageError{Text: text, Hint: "move the file into one of them, or add its folder to sources.local_roots"}
}

// Package simulate is the machinery that a vendor's simulator is made of: requests on
// their way through routes and fault rules, answers, the journal and its tables, the
// clock, credentials, settings, rate limits, jobs, files, the request log and the
// ledger; and the interface that a vendor has to the sandbox.
//
// It knows no vendor, and refuses to learn what one does differently: that is said in
// the vendor's folder.
package simulate

import (
	"context"
	"path/filepath"

	"go.uber.org/zap"
)

// World is what the hosts of one sandbox share. Its fields are set before the
// first host is opened and do not change afterwards.
type World struct {
	Base        string // http://host:port of the vendors
	StorageURL  string // http://host:port of their storage
	Dir         string
	Discard     bool // sizes and checksums are kept, bytes are not
	Direct      bool // URLs of storage lead past the sandbox
	SkipSHA256  bool
	Log         *zap.Logger
	Life        context.Context // ends with the sandbox
	Configured  func() Settings // those in force, to be read only
	Journal     *Journal
	memory      *Memory // what the journal had at the start; nil once all hosts are open
	Clock       *Clock
	Book        *Book
	Faults      *FaultSet
	Credentials *CredentialBook
	Identity    Identity
	Jobs        *Jobs
	Files       *FileStore
	Store       Store
}

// Remember opens the journal and restores what stands above the hosts. The first
// sets of credentials are put in where the journal has none.
func (w *World) Remember(logLimit int, first []Credential) error {
	var err error
	if w.Journal, w.memory, err = openJournal(filepath.Join(w.Dir, "journal.jsonl")); err != nil {
		return err
	}
	w.Clock = &Clock{journal: w.Journal}
	if err := w.Clock.restore(w.memory.values[kindClock]); err != nil {
		return err
	}
	if w.Identity, err = loadIdentity(w.Journal, w.memory); err != nil {
		return err
	}
	if w.Credentials, err = loadCredentials(w, first); err != nil {
		return err
	}
	w.Book, err = newBook(w, logLimit)
	return err
}

// OpenFiles makes the store for bytes that do not pass through S3.
func (w *World) OpenFiles() {
	w.Files = &FileStore{
		dir: filepath.Join(w.Dir, "files"), tmp: filepath.Join(w.Dir, "tmp"), Discard: w.Discard, sha256: !w.SkipSHA256,
	}
}

// Settings are the settings in force. Nobody changes them.
func (w *World) Settings() Settings { return w.Configured() }

// Opened lets go of what only the opening of hosts needs.
func (w *World) Opened() { w.memory = nil }

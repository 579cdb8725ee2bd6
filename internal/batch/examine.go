package batch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// examiner finds which rows a run would refuse because of their sources. Planning and
// loading ask the same one, so that they refuse the same rows.
type examiner struct {
	catalog manifest.Catalog
	// sources opens what is looked at; nil: no source is looked at, not even from
	// outside.
	sources *sources.Sources
	// queue finds the task queue of those who can read a local path: an error of kind
	// invalid refuses its row, others end the work. Nil: rows get no queue.
	queue   Queue
	parties map[string]party
	hosts   map[string]bool // of the web that may be asked
	heads   *heads
	absent  int // files that were not found
}

// Queue finds the task queue of those who can read a local path; "" is that of
// everybody. An error of kind invalid refuses the row.
type Queue func(ctx context.Context, path string) (string, error)

// party is an account with its vendor.
type party struct {
	vendor  vendors.Vendor
	account spec.Account
}

func newExaminer(catalog manifest.Catalog, from *sources.Sources, sampling Sampling) *examiner {
	e := &examiner{catalog: catalog, sources: from, parties: map[string]party{}, hosts: map[string]bool{}}
	e.heads = &heads{sampling: sampling, look: e.look}
	return e
}

// party finds the account of a valid row.
func (e *examiner) party(item upload.Item) (party, error) {
	if found, known := e.parties[item.Account]; known {
		return found, nil
	}
	profile, err := e.catalog.Profile(item.Account)
	if err != nil {
		return party{}, err
	}
	vendor, err := vendors.Find(profile.Vendor)
	if err != nil {
		return party{}, err
	}
	found := party{vendor, profile}
	e.parties[item.Account] = found
	return found, nil
}

// seen is what a row's source shows without being opened.
type seen struct {
	size        int64  // 0: not known
	fingerprint string // "": not known
	converts    bool   // it would be converted, by its name or the declared type
}

// looked is what came of opening a source.
type looked struct {
	size     int64
	column   string // that is wrong, if any is
	converts bool
}

// outside looks at a row's source without opening it. It finds the queue of a local one,
// and refuses the row where the run would. Of rows that are refused already, it only
// looks for the file. Errors end the work.
func (e *examiner) outside(ctx context.Context, row *manifest.Row) (seen, error) {
	if !row.Valid() {
		return seen{}, e.refused(ctx, row)
	}
	if row.Item.Local() && e.queue != nil {
		queue, err := e.queue(ctx, row.Item.Source)
		if err != nil {
			return seen{}, refuse(row, sourceColumn, err)
		}
		row.Item.Queue = queue
	}
	if e.sources == nil {
		return seen{}, nil
	}
	who, err := e.party(row.Item)
	if err != nil {
		return seen{}, err
	}
	spec := who.vendor.Spec()
	if err := spec.CheckExtension(row.Item); err != nil {
		return seen{}, refuse(row, spec.NameField, err)
	}
	if !row.Item.Local() {
		return seen{}, e.remote(row)
	}
	return e.measure(ctx, row, who)
}

// refused looks for the file of a row that is refused for other reasons, so that a person
// learns all of them at once.
func (e *examiner) refused(ctx context.Context, row *manifest.Row) error {
	if e.sources == nil || !filepath.IsAbs(row.Item.Source) || row.Rejected(sourceColumn) {
		return nil // of a source that is wrong itself, the item has what may be shown
	}
	_, err := e.find(ctx, row)
	return err
}

// mostHosts is how many hosts are remembered that may be asked.
const mostHosts = 1000

// remote looks at the text of a URL. What is wrong with one of the web is wrong with its
// host.
func (e *examiner) remote(row *manifest.Row) error {
	host := ""
	if rest, web := strings.CutPrefix(row.Item.Source, "https://"); web {
		host, _, _ = strings.Cut(rest, "/")
		if e.hosts[host] {
			return nil
		}
	}
	err := e.sources.Check(row.Item.Source)
	if err == nil && host != "" && len(e.hosts) < mostHosts {
		e.hosts[host] = true
	}
	return refuse(row, sourceColumn, err)
}

// measure looks at a local source. The words about one that is unfit are those of the
// run.
func (e *examiner) measure(ctx context.Context, row *manifest.Row, who party) (seen, error) {
	item := row.Item
	info, err := e.find(ctx, row)
	if err != nil || info == nil {
		return seen{}, err
	}
	is := seen{size: info.Size(), fingerprint: upload.FileFingerprint(info.Size(), info.ModTime())}
	kind, known := media.TypeOf(item.Source)
	if !known || item.ContentType != "" {
		return is, nil // the bytes decide
	}
	content, spec := upload.Content{Size: is.size, Type: string(kind)}, who.vendor.Spec()
	err = spec.CheckContent(content, who.account)
	is.converts = err == nil && spec.Converts(content, who.account)
	return is, refuse(row, sourceColumn, err)
}

// find finds the file of a local source, or refuses the row and returns none.
func (e *examiner) find(ctx context.Context, row *manifest.Row) (os.FileInfo, error) {
	source := row.Item.Source
	info, err := os.Stat(source)
	if os.IsNotExist(err) {
		if e.absent++; e.absent > mostSearched {
			return nil, refuse(row, sourceColumn, missing(source))
		}
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		_, err := e.sources.Look(ctx, source)
		return nil, refuse(row, sourceColumn, err)
	}
	return info, nil
}

// mostSearched is for how many missing files others are looked for that may be meant. A
// manifest with more lies in another folder than its files.
const mostSearched = 1000

// missing is the error of a file that nobody looked for nearby.
func missing(source string) error {
	err := upload.Errorf(upload.KindInvalid, upload.StepClaim, "source %q does not exist", source).
		WithHint("check the path, and the folder from which relative paths start")
	err.Peer = upload.PeerSource
	return err
}

// look opens a source and holds its first bytes against what its vendor accepts, as
// the first step of an upload does. With an error it names the column that is wrong.
func (e *examiner) look(ctx context.Context, item upload.Item) (looked, error) {
	is := looked{column: sourceColumn}
	who, err := e.party(item)
	if err != nil {
		return is, err
	}
	look, err := e.sources.Look(ctx, item.Source)
	if err != nil {
		return is, err
	}
	is.size = look.Size
	spec := who.vendor.Spec()
	found, err := spec.CheckMedium(look.Claim(item.ContentType), look.Size, who.account)
	if err != nil {
		return is, err
	}
	is.column, is.converts = spec.NameField, found.Original != nil && found.Original.Convert
	return is, spec.CheckName(item, look.Head, found.Original)
}

// sourceColumn is the column of most that is found here.
const sourceColumn = "source"

// refuse adds to a row why its source, or the name for it in another column, would be
// refused; it returns any error that is not about the row.
func refuse(row *manifest.Row, column string, err error) error {
	var known *upload.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &known) || known.Kind != upload.KindInvalid:
		return err
	}
	sort := manifest.SortSource
	if known.Peer != upload.PeerSource {
		sort = manifest.SortFormat
	}
	row.Refuse(sort, column, strings.TrimPrefix(known.Message, "source "), known.Hint)
	return nil
}

package wiring

import (
	"path/filepath"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Sources reads what the configuration allows. roots are the folders in which local
// sources may lie; nil is for what is no source, such as a manifest, and may be
// everything that the user can read. data is the data folder, "" where there is none.
func Sources(c *config.Config, roots []upload.Root, data string) (*sources.Sources, error) {
	options, err := sourcesOf(c, roots)
	if err != nil {
		return nil, err
	}
	options.Temporary = data
	options.Closed = closed(data, func() (*config.Config, error) { return c, nil })
	return sources.New(options), nil
}

// AnyRoot is the root of those who configured none: with it, a user's own files are
// sources, and nothing that is closed by default.
var AnyRoot = upload.Root{Path: string(filepath.Separator)}

// closed are the files and folders that are never sources: the data folder, the
// configuration as it is now, and its secrets.
func closed(data string, current func() (*config.Config, error)) func() []string {
	return func() []string {
		var all []string
		if data != "" {
			all = append(all, data)
		}
		if now, err := current(); err == nil {
			all = append(all, now.Files()...)
		}
		return all
	}
}

// Results is where the configuration wants reports: the folder "results" of the
// data folder where it names nothing. It fails where there is no data folder
// either.
func Results(c *config.Config, data string) (report.Target, error) {
	place, err := c.Results()
	if err != nil {
		return report.Target{}, err
	}
	if place == "" && data == "" {
		return report.Target{}, errNoResults
	}
	if place == "" {
		place = filepath.Join(data, "results")
	}
	options, err := sourcesOf(c, nil)
	if err != nil {
		return report.Target{}, err
	}
	return report.Target{Place: place, S3: options.S3, OSS: options.OSS, AllowPrivate: options.AllowPrivate, Egress: egress.New()}, nil
}

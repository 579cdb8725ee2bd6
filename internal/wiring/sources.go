package wiring

import (
	"path/filepath"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/sources"
)

// Sources reads what the configuration allows; roots are the folders in which
// local sources may lie, nil for everything that the user can read.
func Sources(c *config.Config, roots []string) (*sources.Sources, error) {
	options, err := sourcesOf(c, roots)
	if err != nil {
		return nil, err
	}
	return sources.New(options), nil
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

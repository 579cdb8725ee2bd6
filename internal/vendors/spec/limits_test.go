package spec_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

func TestTheLimitsInForceAreTheAccountsOwnAndThoseThatTheVendorTold(t *testing.T) {
	minute := func(n int64) upload.Quota { return upload.Quota{Window: time.Minute, Limit: n} }
	day := func(n int64) upload.Quota { return upload.Quota{Window: 24 * time.Hour, Limit: n} }
	windows := &spec.Spec{Quotas: []upload.Quota{minute(300), day(10_000)}, Burst: 20}
	paced := &spec.Spec{Rate: 5, Burst: 3}
	free := &spec.Spec{}
	for name, c := range map[string]struct {
		of    *spec.Spec
		own   spec.OwnLimits
		told  []upload.Quota
		rate  float64
		burst int
		left  []upload.Quota
	}{
		"nothing was told":              {of: windows, rate: 5, burst: 20, left: []upload.Quota{day(10_000)}},
		"lower ones were told":          {of: windows, told: []upload.Quota{minute(60), day(50)}, rate: 1, burst: 4, left: []upload.Quota{day(50)}},
		"higher ones were told":         {of: windows, told: []upload.Quota{minute(600), day(50_000)}, rate: 10, burst: 20, left: []upload.Quota{day(50_000)}},
		"very low ones were told":       {of: windows, told: []upload.Quota{minute(1)}, rate: 1. / 60, burst: 1, left: []upload.Quota{day(10_000)}},
		"the day's alone were told":     {of: windows, told: []upload.Quota{day(7)}, rate: 5, burst: 20, left: []upload.Quota{day(7)}},
		"two paces were told":           {of: windows, told: []upload.Quota{{Window: time.Second, Limit: 10}, minute(300)}, rate: 5, burst: 20, left: []upload.Quota{day(10_000)}},
		"own windows":                   {of: windows, own: spec.OwnLimits{Quotas: []upload.Quota{minute(600), day(99)}}, rate: 10, burst: 20, left: []upload.Quota{day(99)}},
		"own ones above what was told":  {of: windows, own: spec.OwnLimits{Quotas: []upload.Quota{minute(600), day(99)}}, told: []upload.Quota{minute(60), day(50)}, rate: 1, burst: 4, left: []upload.Quota{day(50)}},
		"own ones below what was told":  {of: windows, own: spec.OwnLimits{Quotas: []upload.Quota{minute(60), day(9)}}, told: []upload.Quota{minute(600), day(50)}, rate: 1, burst: 4, left: []upload.Quota{day(9)}},
		"an own rate":                   {of: windows, own: spec.OwnLimits{Rate: 8}, rate: 8, burst: 4, left: []upload.Quota{day(10_000)}},
		"an own rate above what's told": {of: windows, own: spec.OwnLimits{Rate: 8}, told: []upload.Quota{minute(60)}, rate: 1, burst: 4, left: []upload.Quota{day(10_000)}},
		"an own rate below what's told": {of: windows, own: spec.OwnLimits{Rate: 2}, told: []upload.Quota{minute(600)}, rate: 2, burst: 1, left: []upload.Quota{day(10_000)}},
		"a rate without windows":        {of: paced, rate: 5, burst: 3},
		"an own minute instead of it":   {of: paced, own: spec.OwnLimits{Quotas: []upload.Quota{minute(120)}}, rate: 2, burst: 1},
		"no limits":                     {of: free},
		"own limits where none are":     {of: free, own: spec.OwnLimits{Quotas: []upload.Quota{minute(120), day(5)}}, rate: 2, burst: 1, left: []upload.Quota{day(5)}},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.of.Limited(spec.Account{Name: "a", Own: c.own}, c.told)
			require.InDelta(t, c.rate, got.Rate, 1e-9)
			require.Equal(t, c.burst, got.Burst)
			require.Equal(t, c.left, got.Quotas)
			require.Equal(t, got, c.of.Limited(got, c.told), "it only depends on what is its own and what was told")
		})
	}
}

package wire_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

func TestLimitsAreReadInAnyFormOfTheirHeader(t *testing.T) {
	minute, day := upload.Quota{Window: time.Minute, Limit: 300}, upload.Quota{Window: 24 * time.Hour, Limit: 10_000}
	both := []upload.Quota{minute, day}
	for text, want := range map[string][]upload.Quota{
		`300;w=60, 10000;w=86400`:                                   both,
		`10000;w=86400,300;w=60`:                                    both,
		`  300 ;  w = 60 ,10000; W=86400  `:                         both,
		`300;w=60`:                                                  {minute},
		`10000;w=86400`:                                             {day},
		`"default";q=300;w=60`:                                      {minute},
		`"burst";q=300;w=60, "daily";q=10000;w=86400`:               both,
		`default;q=300;w=60, daily;w=86400;q=10000;pk=:cGs=:`:       both,
		`300;w=60;burst=20;comment="a, b; \"w=1\"", 10000;w=86400`:  both,
		`"a,b;c";q=300;w=60;qu="requests"`:                          {minute},
		`"300";w="60", 10000.0;w=86400.0`:                           both,
		`300;w=60, 20;w=60`:                                         {{Window: time.Minute, Limit: 20}},
		`300;w=60, "bytes";q=1;w=60;qu="content-bytes"`:             {minute},
		`300;w=60, "at once";q=4`:                                   {minute},
		`300;w=60, many;w=86400`:                                    {minute},
		`300;w=soon, 10000;w=86400`:                                 {day},
		`300;w=60,, ;,`:                                             {minute},
		`99999999999999999999;w=1`:                                  {{Window: time.Second, Limit: 1_000_000}},
		`0;w=60, -5;w=60, 300;w=0, 300;w=-60, 300;w=99999999999999`: nil,
		`300`:                  nil,
		``:                     nil,
		`none`:                 nil,
		`"`:                    nil,
		`{"limit":300,"w":60}`: nil,
	} {
		t.Run(text, func(t *testing.T) {
			a := wire.Answer{Header: http.Header{"Ratelimit-Policy": {text}}}
			require.Equal(t, want, a.Quotas())
		})
	}
	require.Equal(t, both, wire.Answer{Header: http.Header{"Ratelimit-Policy": {"300;w=60", "10000;w=86400"}}}.Quotas(), "in two lines")
	require.Empty(t, wire.Answer{}.Quotas(), "of no answer at all")
}

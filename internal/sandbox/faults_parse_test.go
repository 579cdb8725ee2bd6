package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

func TestParseRuleReadsTheTextForm(t *testing.T) {
	for text, want := range map[string]simulate.Rule{
		"trustana.put=reset-before":                       {Vendor: "trustana", Call: "put", What: "reset-before"},
		"trustana.put#2=status=503,code=SlowDown":         {Vendor: "trustana", Call: "put", Nth: 2, What: "status", Params: map[string]string{"status": "503", "code": "SlowDown"}},
		"truvideo.part#3+*2=slow,rate=200000":             {Vendor: "truvideo", Call: "part", Nth: 3, Onward: true, Times: 2, What: "slow", Params: map[string]string{"rate": "200000"}},
		"sitoo.post*3=lost":                               {Vendor: "sitoo", Call: "post", Times: 3, What: "lost"},
		"closient.post@front.jpg=reset-after":             {Vendor: "closient", Call: "post", Match: "front.jpg", What: "reset-after"},
		`closient.post@"a=b\",c"=reset-in=1000`:           {Vendor: "closient", Call: "post", Match: `a=b",c`, What: "reset-in", Params: map[string]string{"reset-in": "1000"}},
		"truvideo.complete=failed=bad codec":              {Vendor: "truvideo", Call: "complete", What: "failed", Params: map[string]string{"failed": "bad codec"}},
		`trustoo.policy=status=200,code=13,message="a,b"`: {Vendor: "trustoo", Call: "policy", What: "status", Params: map[string]string{"status": "200", "code": "13", "message": "a,b"}},
		"closient.post=status=500,after,undrained":        {Vendor: "closient", Call: "post", What: "status", Params: map[string]string{"status": "500", "after": "true", "undrained": "true"}},
		"trustana.status=status=429,retry-after=2":        {Vendor: "trustana", Call: "status", What: "status", Params: map[string]string{"status": "429", "retry-after": "2"}},
		"sitoo.upload-url=missing-field=fields.policy":    {Vendor: "sitoo", Call: "upload-url", What: "missing-field", Params: map[string]string{"missing-field": "fields.policy"}},
		"trustoo.policy=clock-skew=-20m":                  {Vendor: "trustoo", Call: "policy", What: "clock-skew", Params: map[string]string{"clock-skew": "-20m"}},
		"oss.get=wrong-crc":                               {Vendor: "oss", Call: "get", What: "wrong-crc"},
		"truvideo.parts=missing-url=3":                    {Vendor: "truvideo", Call: "parts", What: "missing-url", Params: map[string]string{"missing-url": "3"}},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := sandbox.ParseRule(text)
			require.NoError(t, err)
			require.Equal(t, want, got)
			again, err := sandbox.ParseRule(got.String())
			require.NoError(t, err, "what a rule prints is a rule: %s", got)
			require.Equal(t, want, again)
		})
	}
}

func TestParseRuleListsWhatWouldWork(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "use vendor.call=what",
		"trustana.put":                       "use vendor.call=what",
		"trustana=lost":                      "vendors: trustana, trustoo, sitoo",
		"amazon.put=lost":                    "choose from trustana, trustoo, sitoo, closient, ",
		"trustana.upload=lost":               "choose from prepare, put, status, search, final",
		"trustana.put=explode":               "choose from clock-skew, cut-answer, empty-body, expired",
		"trustana.put=duplicate-callback":    "cannot happen to trustana.put",
		"trustana.put=":                      "has an empty value between commas",
		"trustana.put=status":                `needs a value for status, for example "status=503,code=SlowDown,retry-after=2"`,
		"trustana.put=status=999":            "use an HTTP status",
		"trustana.put=status=503,colour=red": `does not accept "colour"; it accepts after, code, etag, location`,
		"trustana.put=lost,d=3":              "it accepts nothing",
		"trustana.put=slow=soon":             "use a duration such as 2s",
		"trustana.put=slow,rate=fast":        "use a whole number",
		"trustana.put=status=503,after=1":    "use it without a value",
		"trustana.put#0=lost":                "use a number from 1 after #",
		"trustana.put#x=lost":                "use a number from 1 after #",
		"trustana.put*0=lost":                "use a number from 1 after *",
		"trustana.put@=lost":                 "the match after @ is empty",
		`trustana.put@"a=lost`:               "use vendor.call=what",
		`trustana.put=failed="x`:             "not closed",
	} {
		t.Run(text, func(t *testing.T) {
			_, err := sandbox.ParseRule(text)
			require.ErrorContains(t, err, want)
		})
	}
}

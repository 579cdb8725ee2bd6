package sandbox

import (
	"slices"
	"strings"
)

// faultCalls are the calls that a rule can name.
func faultCalls() map[string][]string {
	return map[string][]string{
		"trustana": {"prepare", "put", "status", "final"},
		"trustoo":  {"token", "disconnect", "policy", "post", "callback", "object", "review", "video", "video-put"},
		"sitoo":    {"upload-url", "post", "get", "search", "download", "thumbnail"},
		"closient": {"list", "post", "delete", "image"},
		"truvideo": {"login", "start", "part", "parts", "status", "complete", "file"},
		"s3":       {"get", "head", "put", "list", "other"},
		"oss":      {"get", "head", "put", "list"},
	}
}

func faultVendors() []string {
	return []string{"trustana", "trustoo", "sitoo", "closient", "truvideo", "s3", "oss"}
}

// bodyCalls are those that carry a medium's bytes to storage or to the vendor.
func bodyCalls() []string {
	return []string{
		"trustana.put", "trustoo.post", "trustoo.video-put", "sitoo.post", "closient.post", "truvideo.part", "s3.put", "oss.put",
	}
}

// onStorage says whether a call is answered by a storage host.
func onStorage(vendor, call string) bool {
	return slices.Contains([]string{
		"trustana.put", "trustoo.video-put", "sitoo.post", "truvideo.part", "truvideo.file", "s3.get", "s3.head", "s3.put", "s3.list", "s3.other",
	}, vendor+"."+call)
}

// faultKind describes one thing that can happen.
type faultKind struct {
	calls   []string // vendor.call; empty: every one
	params  map[string]form
	needs   []string // parameters that must be there
	example string
}

func (k faultKind) on(call string) bool { return len(k.calls) == 0 || slices.Contains(k.calls, call) }

func (k faultKind) names() []string {
	if len(k.params) == 0 {
		return []string{"nothing"}
	}
	names := make([]string, 0, len(k.params))
	for name := range k.params {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// kindsOn lists what can happen to a call.
func kindsOn(call string) []string {
	var names []string
	for name, kind := range faultKinds() {
		if kind.on(call) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// faultKinds are all the things that can happen.
func faultKinds() map[string]faultKind {
	grants := []string{
		"trustana.prepare", "trustana.put", "trustoo.token", "trustoo.policy", "trustoo.post", "trustoo.video", "trustoo.video-put",
		"sitoo.upload-url", "sitoo.post", "truvideo.login", "truvideo.start", "truvideo.parts", "truvideo.part",
	}
	processed := []string{
		"trustana.prepare", "trustana.put", "trustana.status", "sitoo.upload-url", "sitoo.post", "sitoo.get",
		"truvideo.start", "truvideo.part", "truvideo.complete", "truvideo.status",
	}
	control := controlCalls()
	return map[string]faultKind{
		"status": {params: map[string]form{
			"status": formStatus, "code": formText, "message": formText, "retry-after": formCount, "retry-after-date": formDuration,
			"undrained": formFlag, "after": formFlag, "location": formText,
		}, needs: []string{"status"}, example: "status=503,code=SlowDown,retry-after=2"},
		"reset-before":       {},
		"reset-in":           {calls: bodyCalls(), params: map[string]form{"reset-in": formCount}},
		"reset-after":        {},
		"cut-answer":         {params: map[string]form{"cut-answer": formCount}},
		"lost":               {},
		"slow":               {params: map[string]form{"slow": formDuration, "rate": formCount}},
		"clock-skew":         {params: map[string]form{"clock-skew": formDuration}, needs: []string{"clock-skew"}, example: "clock-skew=20m"},
		"empty-body":         {},
		"not-json":           {calls: control},
		"missing-field":      {calls: control, params: map[string]form{"missing-field": formText}, needs: []string{"missing-field"}, example: "missing-field=data.policy"},
		"expired":            {calls: grants},
		"wrong-etag":         {calls: bodyCalls()},
		"wrong-crc":          {calls: []string{"trustoo.post", "oss.get", "oss.head", "oss.put"}},
		"wrong-size":         {calls: []string{"trustana.status"}},
		"stuck":              {calls: processed},
		"failed":             {calls: processed, params: map[string]form{"failed": formText}},
		"missing-url":        {calls: []string{"truvideo.start", "truvideo.parts"}, params: map[string]form{"missing-url": formCount}},
		"duplicate-callback": {calls: []string{"trustoo.post"}},
		"callback-failed":    {calls: []string{"trustoo.post"}},
	}
}

// controlCalls are the calls that answer with JSON.
func controlCalls() []string {
	var out []string
	for vendor, calls := range faultCalls() {
		for _, call := range calls {
			name := vendor + "." + call
			if slices.Contains(bodyCalls(), name) && name != "closient.post" || onStorage(vendor, call) || vendor == "oss" ||
				strings.HasSuffix(name, ".final") || slices.Contains([]string{
				"trustoo.object", "sitoo.download", "sitoo.thumbnail", "closient.image", "closient.delete",
			}, name) {
				continue
			}
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

package simulate

import (
	"maps"
	"slices"
)

// Target is a call that a fault rule can name, with what can happen to it besides
// what can happen to every call.
type Target struct {
	Call string
	// JSON says that it answers with JSON, which can be spoilt.
	JSON bool
	// Body says that it carries a medium's bytes, to storage or to the vendor.
	Body bool
	// Grant says that it hands out, or uses, what expires.
	Grant bool
	// Processed says that what becomes of its medium can be decided with it.
	Processed bool
	// Storage says that it is answered by the S3 gateway's host.
	Storage bool
	// Own are the faults that the host itself puts into practice here.
	Own map[string]FaultKind
}

// FaultKind describes one thing that can happen.
type FaultKind struct {
	Params  map[string]Param
	needs   []string // parameters that must be there
	example string
}

func (k FaultKind) names() []string {
	if len(k.Params) == 0 {
		return []string{"nothing"}
	}
	return slices.Sorted(maps.Keys(k.Params))
}

// kinds are all the things that can happen to a call.
func (t Target) kinds() map[string]FaultKind {
	kinds := everyKind()
	if t.JSON {
		kinds["not-json"] = FaultKind{}
		kinds["missing-field"] = FaultKind{
			Params: map[string]Param{"missing-field": ParamText}, needs: []string{"missing-field"}, example: "missing-field=data.policy",
		}
	}
	if t.Body {
		kinds["reset-in"] = FaultKind{Params: map[string]Param{"reset-in": ParamCount}}
		kinds["wrong-etag"] = FaultKind{}
	}
	if t.Grant {
		kinds["expired"] = FaultKind{}
	}
	if t.Processed {
		kinds[string(FateStuck)] = FaultKind{}
		kinds[string(FateFailed)] = FaultKind{Params: map[string]Param{"failed": ParamText}}
	}
	maps.Copy(kinds, t.Own)
	return kinds
}

// everyKind are the things that can happen to every call.
func everyKind() map[string]FaultKind {
	return map[string]FaultKind{
		"status": {Params: map[string]Param{
			"status": ParamStatus, "code": ParamText, "message": ParamText, "retry-after": ParamCount, "retry-after-date": ParamDuration,
			"undrained": ParamFlag, "after": ParamFlag, "location": ParamText, "etag": ParamText,
		}, needs: []string{"status"}, example: "status=503,code=SlowDown,retry-after=2"},
		"page":         {Params: map[string]Param{"page": ParamStatus}, needs: []string{"page"}, example: "page=403"},
		"reset-before": {},
		"reset-after":  {},
		"cut-answer":   {Params: map[string]Param{"cut-answer": ParamCount}},
		"lost":         {},
		"slow":         {Params: map[string]Param{"slow": ParamDuration, "rate": ParamCount}},
		"clock-skew":   {Params: map[string]Param{"clock-skew": ParamDuration}, needs: []string{"clock-skew"}, example: "clock-skew=20m"},
		"empty-body":   {},
	}
}

// TargetList are the calls that rules can name, by the names of the hosts.
type TargetList []hostTargets

type hostTargets struct {
	host  string
	calls []Target
}

// TargetsOf lists the calls of hosts, in their order.
func TargetsOf(hosts []Host) TargetList {
	var list TargetList
	for _, h := range hosts {
		list = append(list, hostTargets{h.Name(), h.Targets()})
	}
	return list
}

// hosts are the names of all that have calls.
func (l TargetList) hosts() []string {
	var names []string
	for _, h := range l {
		names = append(names, h.host)
	}
	return names
}

// calls are the names of a host's calls.
func (l TargetList) calls(host string) (names []string, known bool) {
	for _, h := range l {
		if h.host == host {
			for _, t := range h.calls {
				names = append(names, t.Call)
			}
			return names, true
		}
	}
	return nil, false
}

// Find is a call by its name.
func (l TargetList) Find(host, call string) Target {
	for _, h := range l {
		for _, t := range h.calls {
			if h.host == host && t.Call == call {
				return t
			}
		}
	}
	return Target{}
}

// example is a rule about the first call that carries a medium.
func (l TargetList) example() string {
	for _, h := range l {
		for _, t := range h.calls {
			if t.Body {
				return h.host + "." + t.Call + "=status=503"
			}
		}
	}
	return "host.call=status=503"
}

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// policy is a POST policy, of S3 or of OSS.
type policy struct {
	expires    time.Time
	conditions []condition
	names      map[string]bool // the fields that a condition names, in lower case
	low, high  int64           // of the size
}

type condition struct{ op, field, value string }

func parsePolicy(raw []byte) (policy, error) {
	p := policy{names: map[string]bool{}, high: 5 << 30}
	var doc struct {
		Expiration string            `json:"expiration"`
		Conditions []json.RawMessage `json:"conditions"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return p, fmt.Errorf("invalid JSON in the policy: %w", err)
	}
	expires, err := time.Parse(time.RFC3339, doc.Expiration)
	if err != nil {
		return p, fmt.Errorf("invalid expiration %q in the policy", doc.Expiration)
	}
	p.expires = expires
	if len(doc.Conditions) == 0 {
		return p, errors.New("the policy has no conditions")
	}
	for _, c := range doc.Conditions {
		if err := p.addCondition(c); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *policy) addCondition(raw json.RawMessage) error {
	var exact map[string]string
	if json.Unmarshal(raw, &exact) == nil {
		for field, value := range exact {
			p.add("eq", field, value)
		}
		return nil
	}
	var list []any
	if err := json.Unmarshal(raw, &list); err != nil || len(list) != 3 {
		return fmt.Errorf("invalid condition %s in the policy", raw)
	}
	op, _ := list[0].(string)
	if op == "content-length-range" {
		low, okLow := list[1].(float64)
		high, okHigh := list[2].(float64)
		if !okLow || !okHigh {
			return fmt.Errorf("invalid condition %s in the policy", raw)
		}
		p.low, p.high = int64(low), int64(high)
		return nil
	}
	field, _ := list[1].(string)
	value, ok := list[2].(string)
	if !ok || !strings.HasPrefix(field, "$") || op != "eq" && op != "starts-with" {
		return fmt.Errorf("invalid condition %s in the policy", raw)
	}
	p.add(op, strings.TrimPrefix(field, "$"), value)
	return nil
}

func (p *policy) add(op, field, value string) {
	field = strings.ToLower(field)
	p.names[field] = true
	p.conditions = append(p.conditions, condition{op, field, value})
}

// broken names the first condition that the fields, named in lower case, do not
// meet, or "".
func (p *policy) broken(fields map[string]string) string {
	for _, c := range p.conditions {
		got := fields[c.field]
		if c.op == "eq" && got != c.value || c.op == "starts-with" && !strings.HasPrefix(got, c.value) {
			return fmt.Sprintf("[%q, %q, %q]", c.op, "$"+c.field, c.value)
		}
	}
	return ""
}

package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Policy is a POST policy, of S3 or of OSS.
type Policy struct {
	Expires    time.Time
	conditions []condition
	Names      map[string]bool // the fields that a condition names, in lower case
	Low, High  int64           // of the size
}

type condition struct{ op, field, value string }

// ParsePolicy reads a policy document.
func ParsePolicy(raw []byte) (Policy, error) {
	p := Policy{Names: map[string]bool{}, High: 5 << 30}
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
	p.Expires = expires
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

func (p *Policy) addCondition(raw json.RawMessage) error {
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
		p.Low, p.High = int64(low), int64(high)
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

func (p *Policy) add(op, field, value string) {
	field = strings.ToLower(field)
	p.Names[field] = true
	p.conditions = append(p.conditions, condition{op, field, value})
}

// Broken names the first condition that the fields, named in lower case, do not
// meet, or "".
func (p *Policy) Broken(fields map[string]string) string {
	for _, c := range p.conditions {
		got := fields[c.field]
		if c.op == "eq" && got != c.value || c.op == "starts-with" && !strings.HasPrefix(got, c.value) {
			return fmt.Sprintf("[%q, %q, %q]", c.op, "$"+c.field, c.value)
		}
	}
	return ""
}

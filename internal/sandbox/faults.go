package sandbox

import (
	"fmt"
)

// ParseRule reads a rule in its text form:
//
//	vendor.call[#nth[+]][*times][@match]=what[=value][,param[=value]]...
//
// as in
//
//	vendor.put#2=status=503,code=SlowDown,retry-after=2
//
// A match or a value that holds an equals sign or a comma is written as a Go
// string in double quotes. Without #nth and *times every call is hit. The error of
// a rule that cannot work lists what would.
func ParseRule(text string) (Rule, error) { return sandboxTargets().ParseRule(text) }

// AddFault puts a rule in force, behind those that are in force already: the
// first that hits a call decides. The error of a rule that cannot work lists
// what would.
func (s *Sandbox) AddFault(r Rule) error {
	if err := s.acceptable(r); err != nil {
		return err
	}
	s.w.Faults.Add(r)
	return nil
}

func (s *Sandbox) acceptable(r Rule) error {
	if err := sandboxTargets().Check(&r); err != nil {
		return err
	}
	if s.opts.DirectStorage && sandboxTargets().Find(r.Vendor, r.Call).Storage {
		return fmt.Errorf("fault %q: with DirectStorage these requests go past the sandbox", r.String())
	}
	return nil
}

// AddFaultText is AddFault for a rule in its text form; see ParseRule.
func (s *Sandbox) AddFaultText(text string) error {
	r, err := ParseRule(text)
	if err != nil {
		return err
	}
	return s.AddFault(r)
}

// Faults lists the rules in force, oldest first.
func (s *Sandbox) Faults() []AppliedRule { return s.w.Faults.List() }

// ClearFaults takes all rules out of force.
func (s *Sandbox) ClearFaults() { s.w.Faults.Clear() }

package sandbox

import "github.com/mediaferry/mediaferry/internal/sandbox/simulate"

// What the methods of a Sandbox take and give.
type (
	// Settings are the switches of the vendors; they can be changed while the
	// sandbox runs. In finds those of one vendor.
	Settings = simulate.Settings
	// Duration reads "1m30s" or a number of seconds from JSON.
	Duration = simulate.Duration
	// Rule is a fault as data.
	Rule = simulate.Rule
	// AppliedRule is a rule in force and what has come of it.
	AppliedRule = simulate.AppliedRule
	// Request is one request that the sandbox has seen.
	Request = simulate.Request
	// Violation is what a right client would not send.
	Violation = simulate.Violation
	// Ledger is what the vendors would tell an auditor.
	Ledger = simulate.Ledger
	// Medium is one thing that a vendor keeps an account of.
	Medium = simulate.Medium
	// Part is one part of a medium.
	Part = simulate.Part
	// Processed is what a vendor made of the bytes.
	Processed = simulate.Processed
	// Credential is one set of credentials of one account at a vendor.
	Credential = simulate.Credential
	// CredentialState says how a vendor takes a set of credentials.
	CredentialState = simulate.CredentialState
	// Source says how to reach a bucket of sources.
	Source = simulate.Source
)

// The states of credentials.
const (
	CredentialActive    = simulate.CredentialActive
	CredentialRevoked   = simulate.CredentialRevoked
	CredentialExpired   = simulate.CredentialExpired
	CredentialForbidden = simulate.CredentialForbidden
)

// In returns the settings of the vendor whose settings are of this type, to be read
// or changed. A sandbox has those of all vendors; asking for any other type panics.
func In[T any](s *Settings) *T { return simulate.In[T](s) }

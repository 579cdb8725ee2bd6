package simulate

// PollCount notes who goes on asking after the final answer.
func (c *Call) PollCount(id string, polls int) {
	if limit := c.World.Settings().TerminalPolls; limit > 0 && polls > limit {
		c.Violation("poll-after-end", "%s was asked for a final state %d times", id, polls)
	}
}

// LongAgo is an age at which every grant is over.
const LongAgo = 0

// Fate is what a fault has in store for a medium.
type Fate string

// The fates that a rule can name.
const (
	FateStuck  Fate = "stuck"  // processing never ends
	FateFailed Fate = "failed" // processing ends badly
)

// Fate is what the call's rule does to its medium.
func (c *Call) Fate() Fate {
	switch {
	case c.Fault("stuck"):
		return FateStuck
	case c.Fault("failed"):
		return FateFailed
	}
	return ""
}

// FateReason is what a rule wants to be said about a failure.
func (c *Call) FateReason() string {
	if !c.Fault("failed") {
		return ""
	}
	if text := c.Rule.Params["failed"]; text != "" {
		return text
	}
	return "Processing failed"
}

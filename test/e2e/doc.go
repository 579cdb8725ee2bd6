// Package e2e tests the real programs: mediaferry, mediaferry-worker and
// mediaferry-engine as processes of their own, against the sandbox, killed at bad
// moments and started again. It holds nothing but tests.
//
// They wait for events (the sandbox's control API, the ledger, what a program
// prints) and never for time to pass. Without a built engine they are skipped,
// or fail where CI or MEDIAFERRY_NO_SKIP is set. Two of them record the histories
// that the workflows are replayed against; see record_test.go.
package e2e

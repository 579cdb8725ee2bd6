package ledger

import "fmt"

// Service is a namespace of a Temporal cluster. Two services may have runs of the
// same workflow ID at the same time, and neither can tell whether the other's are
// open.
type Service struct {
	// Cluster is the ID that the cluster reports of itself, not its address.
	Cluster   string
	Namespace string
}

// String names the service in messages.
func (s Service) String() string {
	if s == (Service{}) {
		return "an unknown Temporal service"
	}
	return fmt.Sprintf("namespace %s of Temporal cluster %s", s.Namespace, s.Cluster)
}

// Run is a run of a workflow.
type Run struct {
	Service           Service
	WorkflowID, RunID string
}

// Bind says which service the runs belong to for which this process writes. A
// process has one, and binds it before its first claim; without it the service of
// its runs is the zero one.
func (l *Ledger) Bind(service Service) {
	bound := Service{Cluster: clean(service.Cluster), Namespace: clean(service.Namespace)}
	l.service.Store(&bound)
}

// Service is the one that Bind set, or the zero one.
func (l *Ledger) Service() Service {
	if bound := l.service.Load(); bound != nil {
		return *bound
	}
	return Service{}
}

// Elsewhere reports whether a run belongs to another service than this process: then
// nobody here can find out whether it is open.
func (l *Ledger) Elsewhere(run Run) bool { return run.Service != l.Service() }

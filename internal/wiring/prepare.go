package wiring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mediaferry/mediaferry/internal/visibility"
)

// Preparation says how a namespace is to be.
type Preparation struct {
	// Retention is how long Temporal keeps workflows that have ended, at least 24 hours; 0
	// leaves a namespace as it is and gives a new one 30 days.
	Retention time.Duration
	DryRun    bool // change nothing, and say what would be changed
}

// Outcome is what became of one part of a preparation.
type Outcome string

// The outcomes.
const (
	OutcomeKept     Outcome = "ok"      // it was right already
	OutcomeMade     Outcome = "changed" // it was made, or changed
	OutcomePlanned  Outcome = "planned" // a dry run: it would be
	OutcomeOptional Outcome = "warning" // it could not be made, and all goes on without it
	OutcomeFailed   Outcome = "problem"
)

// Prepared is one part of a preparation.
type Prepared struct {
	What    string  `json:"what"`
	Outcome Outcome `json:"state"`
	Detail  string  `json:"detail"`
	Hint    string  `json:"hint,omitempty"`
}

const (
	newRetention = 30 * 24 * time.Hour
	// seenTime is how long a namespace or a search attribute may take until all hosts of
	// the service know it: they read them every ten seconds.
	seenTime = time.Minute
	seenPace = 250 * time.Millisecond
)

// preparing is a preparation under way.
type preparing struct {
	Preparation
	temporal  client.Client
	namespace string
	done      []Prepared
}

// Prepare makes the namespace of a connection ready for mediaferry: the namespace, its
// retention, its search attributes. It may be repeated. What could not be done is among
// what is returned; the error is for a service that does not answer.
func Prepare(ctx context.Context, c Connection, p Preparation) ([]Prepared, error) {
	temporal, options, err := c.bare(ctx)
	if err != nil {
		return nil, located(options, err)
	}
	defer temporal.Close()
	w := &preparing{Preparation: p, temporal: temporal, namespace: options.Namespace}
	if w.makeNamespace(ctx) {
		w.attributes(ctx)
	}
	return w.done, nil
}

func (p *preparing) say(what string, outcome Outcome, detail, hint string) {
	p.done = append(p.done, Prepared{what, outcome, detail, hint})
}

// makeNamespace makes the namespace or sets its retention. It reports whether there is one.
func (p *preparing) makeNamespace(ctx context.Context) bool {
	found, err := p.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: p.namespace})
	var missing *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &missing):
		return p.register(ctx)
	case err != nil:
		p.say("namespace", OutcomeFailed, p.namespace+": "+explain(err).Error(), "check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the other TEMPORAL_ variables")
		return false
	}
	p.say("namespace", OutcomeKept, p.namespace+" exists", "")
	p.retain(ctx, found.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
	return true
}

func (p *preparing) register(ctx context.Context) bool {
	keep := p.Retention
	if keep == 0 {
		keep = newRetention
	}
	detail := fmt.Sprintf("%s, which keeps what has ended for %s", p.namespace, Days(keep))
	if p.DryRun {
		p.say("namespace", OutcomePlanned, detail, "")
		p.say("search attributes", OutcomePlanned, names(visibility.Attributes()), "")
		return false
	}
	_, err := p.temporal.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: p.namespace, WorkflowExecutionRetentionPeriod: durationpb.New(keep),
		Description: "uploads of mediaferry",
	})
	var exists *serviceerror.NamespaceAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		p.say("namespace", OutcomeFailed, "could not create "+p.namespace+": "+explain(err).Error(),
			"create the namespace with the tools of your Temporal service, and run setup again")
		return false
	}
	err = p.seen(ctx, func(ctx context.Context) error {
		_, err := p.temporal.WorkflowService().ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: p.namespace, PageSize: 1})
		return err
	})
	if err != nil {
		p.say("namespace", OutcomeFailed, p.namespace+" was created, but the service does not know it yet: "+explain(err).Error(), "run setup again in a minute")
		return false
	}
	p.say("namespace", OutcomeMade, detail, "")
	return true
}

// retain sets how long the namespace keeps what has ended.
func (p *preparing) retain(ctx context.Context, now time.Duration) {
	if p.Retention == 0 || p.Retention == now {
		p.say("retention", OutcomeKept, Days(now), "")
		return
	}
	change := fmt.Sprintf("%s instead of %s", Days(p.Retention), Days(now))
	if p.DryRun {
		p.say("retention", OutcomePlanned, change, "")
		return
	}
	_, err := p.temporal.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: p.namespace, Config: &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(p.Retention)},
	})
	if err != nil {
		p.say("retention", OutcomeFailed, "could not set "+change+": "+explain(err).Error(), "set it with the tools of your Temporal service")
		return
	}
	p.say("retention", OutcomeMade, change, "")
}

// attributes adds the search attributes that are missing. Where the namespace has no
// room, all goes on without them.
func (p *preparing) attributes(ctx context.Context) {
	const what, without = "search attributes", "uploads run without search attributes. To make room, remove attributes that nobody uses: temporal operator search-attribute list"
	missing, err := MissingAttributes(ctx, p.temporal, p.namespace)
	switch {
	case err != nil:
		p.say(what, OutcomeOptional, "could not read them: "+explain(err).Error(), without)
		return
	case len(missing) == 0:
		p.say(what, OutcomeKept, fmt.Sprintf("all %d exist", len(visibility.Attributes())), "")
		return
	case p.DryRun:
		p.say(what, OutcomePlanned, names(missing), "")
		return
	}
	wanted := map[string]enums.IndexedValueType{}
	for _, attribute := range missing {
		wanted[attribute.Name] = attribute.Type
	}
	_, err = p.temporal.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: p.namespace, SearchAttributes: wanted,
	})
	if err == nil {
		err = p.seen(ctx, func(ctx context.Context) error {
			missing, err = MissingAttributes(ctx, p.temporal, p.namespace)
			if err == nil && len(missing) > 0 {
				err = errors.New("the service does not list " + names(missing))
			}
			return err
		})
	}
	if err != nil {
		p.say(what, OutcomeOptional, "could not add "+names(missing)+": "+explain(err).Error(), without)
		return
	}
	p.say(what, OutcomeMade, fmt.Sprintf("%d added", len(wanted)), "")
}

// seen waits until the service knows what was made.
func (p *preparing) seen(ctx context.Context, look func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, seenTime)
	defer cancel()
	for {
		err := look(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(seenPace):
		}
	}
}

func names(all []visibility.Attribute) string {
	var list []string
	for _, attribute := range all {
		list = append(list, attribute.Name)
	}
	return strings.Join(list, ", ")
}

// Days is a retention in words.
func Days(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day != 0 {
		return d.String()
	}
	if d == day {
		return "1 day"
	}
	return fmt.Sprintf("%d days", d/day)
}

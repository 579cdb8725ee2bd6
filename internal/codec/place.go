package codec

import (
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
)

var (
	// ErrMisplaced means that a payload is authentic and was made for another
	// workflow than the one that reads it. It is an ErrAltered.
	ErrMisplaced = fmt.Errorf("%w for this workflow", ErrAltered)
	// ErrPlain means that a payload of a workflow or an activity is not encrypted.
	ErrPlain = errors.New("unencrypted payload")
)

// usePayload binds a sealed value to being a payload of this format.
const usePayload = "mediaferry payload 2 " + encodingEncrypted

// kind is what sort of place a payload was made for. It also is the name under which
// the payload's metadata tells the place's ID.
type kind string

const (
	nowhere  kind = ""
	workflow kind = "workflow-id"
	schedule kind = "schedule-id" // of all workflows that a schedule starts
)

// place is what a payload is for.
type place struct {
	kind kind
	id   string // as in Temporal; a schedule's is the one that its workflows' IDs begin with
}

func workflowPlace(id string) place {
	if id == "" {
		return place{}
	}
	return place{workflow, id}
}

// placeOf is the place that a payload names. Only opening it shows that this is true.
func placeOf(payload *commonpb.Payload) place {
	for _, kind := range []kind{workflow, schedule} {
		if id, found := payload.GetMetadata()[string(kind)]; found {
			return place{kind, string(id)}
		}
	}
	return place{}
}

func (p place) mark(payload *commonpb.Payload) {
	if p.kind != nowhere {
		payload.Metadata[string(p.kind)] = []byte(p.id)
	}
}

// use is what a payload is bound to. The kind is one of few, and the key's ID that
// follows has one length, so no two places have the same.
func (p place) use() string { return usePayload + "\x00" + string(p.kind) + "\x00" + p.id }

// readIn reports whether what was made for p may be read by a workflow.
func (p place) readIn(reader place) bool {
	switch {
	case reader.kind != workflow:
		return false
	case p.kind != schedule:
		return p == reader
	}
	at, started := strings.CutPrefix(reader.id, p.id+"-")
	_, err := time.Parse(time.RFC3339, at)
	return reader.id == p.id || started && err == nil
}

func (p place) String() string {
	switch p.kind {
	case workflow:
		return fmt.Sprintf("workflow %q", p.id)
	case schedule:
		return fmt.Sprintf("the schedule of %q", p.id)
	}
	return "no workflow"
}

func misplaced(made, reader place) error {
	return fmt.Errorf("%w: the payload was made for %s, not for %s. Use mediaferry to start and control uploads instead of copying payloads. "+
		"If nobody copied it on purpose, find out who can write to Temporal", ErrMisplaced, made, reader)
}

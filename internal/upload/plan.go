package upload

import "fmt"

// PartLimits is what a vendor allows of a multipart session, in bytes.
type PartLimits struct {
	MinPart  int64 // of every part but the last
	MaxPart  int64
	MaxParts int
	// Single is the size below which a medium is sent as one part.
	Single int64
	// Steps are the vendor's recommended part sizes by the medium's size,
	// ascending in both.
	Steps []PartStep
}

// PartStep recommends a part size for media of up to a size.
type PartStep struct {
	UpTo int64 // bytes; 0 means without end
	Part int64 // bytes
}

// Plan cuts a medium into parts: all of one size, but for the last, which may
// be shorter. It is fixed when the session starts.
type Plan struct {
	Size     int64 `json:"size"`
	PartSize int64 `json:"part_size"`
	Parts    int   `json:"parts"`
}

// PlanParts cuts size bytes as the limits say. It fails, with kind invalid, for
// what cannot fit.
func PlanParts(size int64, limits PartLimits) (Plan, error) {
	if size <= 0 {
		return Plan{}, Errorf(KindInvalid, StepClaim, "a file of %d bytes cannot be split into parts", size)
	}
	if most := limits.MaxPart * int64(limits.MaxParts); size > most {
		return Plan{}, Errorf(KindInvalid, StepClaim, "%d bytes do not fit into %d parts of %d bytes; the file can have at most %d bytes",
			size, limits.MaxParts, limits.MaxPart, most)
	}
	if size <= limits.Single || size <= limits.MinPart {
		return Plan{Size: size, PartSize: size, Parts: 1}, nil
	}
	part := limits.MinPart
	for _, step := range limits.Steps {
		part = step.Part
		if step.UpTo == 0 || size <= step.UpTo {
			break
		}
	}
	if fewest := ceilDiv(size, int64(limits.MaxParts)); part < fewest {
		const grain = 1 << 20 // whole MiB keep the reads aligned
		part = min(ceilDiv(fewest, grain)*grain, limits.MaxPart)
	}
	return Plan{Size: size, PartSize: part, Parts: int(ceilDiv(size, part))}, nil
}

// Range returns the offset and size of a part, numbered from 1.
func (p Plan) Range(number int) (offset, size int64, err error) {
	if number < 1 || number > p.Parts {
		return 0, 0, fmt.Errorf("part %d is not in the range 1 to %d", number, p.Parts)
	}
	offset = int64(number-1) * p.PartSize
	return offset, min(p.PartSize, p.Size-offset), nil
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

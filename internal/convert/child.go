package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mediaferry/mediaferry/internal/confined"
	"github.com/mediaferry/mediaferry/internal/picture"
)

// command is the hidden command with which this program converts one picture: of the file
// 3, and as it was decoded of the file 4 if there is one, to its standard output.
const command = "convert-picture"

func init() {
	confined.Command(command, confined.Limits{Memory: memoryMost, CPU: cpuMost}, func() error {
		return work(os.Stdin, os.Stdout)
	})
}

// work converts one picture within the limits of the process.
func work(in io.Reader, out io.Writer) error {
	var order Order
	if err := json.NewDecoder(in).Decode(&order); err != nil {
		return err
	}
	source, err := content(3)
	if err != nil {
		return err
	}
	var decoded []byte
	if external(order.From) {
		if decoded, err = content(4); err != nil {
			return err
		}
	}
	made, jpeg, err := order.make(source, decoded)
	said := answer{Made: made}
	var refused *refusal
	if errors.As(err, &refused) {
		said.Refused, said.Hint = refused.why, refused.hint
	} else if err != nil {
		said.Refused, said.Hint = err.Error(), hintOther
	}
	if err := json.NewEncoder(out).Encode(said); err != nil {
		return err
	}
	_, err = out.Write(jpeg)
	return err
}

// content reads one of the files that the process was given.
func content(descriptor uintptr) ([]byte, error) {
	file := os.NewFile(descriptor, fmt.Sprintf("file %d", descriptor))
	if file == nil {
		return nil, fmt.Errorf("there is no file %d", descriptor)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	all := make([]byte, info.Size())
	_, err = io.ReadFull(file, all)
	return all, err
}

// refusal is why a picture is not converted.
type refusal struct{ why, hint string }

func (r *refusal) Error() string { return r.why }

func refuse(hint, format string, args ...any) *refusal {
	return &refusal{fmt.Sprintf(format, args...), hint}
}

// make converts a picture.
func (o Order) make(source, decoded []byte) (Made, []byte, error) {
	about := aboutOf(o.From, source, decoded)
	if about.refused != nil {
		return Made{}, nil, about.refused
	}
	if decoded == nil {
		decoded = source
	}
	full, err := picture.Decode(decoded, decodedMost)
	var cost *picture.CostError
	switch {
	case errors.As(err, &cost):
		return Made{}, nil, refuse("make it smaller, or convert it yourself", "%v", cost)
	case err != nil:
		return Made{}, nil, err
	}
	made := Made{Before: [2]int{full.Bounds().Dx(), full.Bounds().Dy()}, Notes: about.notes}
	upright, note := render(full, about)
	full = nil //nolint:wastedassign // the decoded picture is large, and is not needed any more
	if note != "" {
		made.Notes = append(made.Notes, note)
	}
	small, jpeg, err := fit(upright, o.Most)
	if err != nil {
		return Made{}, nil, err
	}
	made.Width, made.Height = small.Dx(), small.Dy()
	if small != upright.Bounds() {
		made.Notes = append(made.Notes, fmt.Sprintf("scaled down to at most %d bytes", o.Most))
	}
	return made, jpeg, nil
}

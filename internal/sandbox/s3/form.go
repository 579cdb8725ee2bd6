package s3

import (
	"io"
	"mime/multipart"
	"net/http"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// serveForm checks an S3 form's grant by the sandbox's clock before the store
// checks everything else.
func (s *Storage) serveForm(c *simulate.Call, b *bucketHost) *simulate.Answer {
	if c.HTTP.Header.Get("Authorization") != "" {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: "Only one auth mechanism allowed"})
	}
	h, err := simulate.HeadOf(c)
	if err != nil {
		c.Invalid("the form for S3: %v", err)
		return Refuse(c, simulate.Refusal{
			Status: http.StatusPreconditionFailed, Code: "PreconditionFailed", Message: "Bucket POST must be of the enclosure-type multipart/form-data",
		})
	}
	if h.File == nil {
		c.Invalid("the form for S3 has no part named file within its first %d bytes", simulate.PreDataLimit)
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "MaxPostPreDataLengthExceededError", Message: "Your POST request fields preceding the upload file were too large."})
	}
	c.Path["key"] = h.Fields["key"]
	c.Log.Subject = h.Fields["key"]
	if c.Fault("expired") || b.Over(c, h.Fields["x-amz-date"], 0) {
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Invalid according to Policy: Policy expired."})
	}
	b.Check(c, &h)
	return s.sendOn(c, b)
}

// partNames follows a form as it streams by and collects the names of its parts.
type partNames struct {
	w    *io.PipeWriter
	done chan []string
}

func followParts(boundary string) *partNames {
	r, w := io.Pipe()
	p := &partNames{w: w, done: make(chan []string, 1)}
	go func() {
		var names []string
		parts := multipart.NewReader(r, boundary)
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				break
			}
			names = append(names, part.FormName())
		}
		_, _ = io.Copy(io.Discard, r) // what follows the last part must not hold the sender up
		p.done <- names
	}()
	return p
}

// Write takes the next bytes of the form.
func (p *partNames) Write(b []byte) (int, error) { return p.w.Write(b) }

// end returns the names in order.
func (p *partNames) end() []string {
	_ = p.w.Close()
	return <-p.done
}

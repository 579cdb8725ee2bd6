package sandbox

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
)

// preDataLimit is how much may come before the file of an S3 form.
const preDataLimit = 20 << 10

// formHead is what comes before the bytes of a form's file.
type formHead struct {
	boundary string
	fields   map[string]string
	file     textproto.MIMEHeader // nil: no file among the first bytes
	fileName string
}

// headOf reads the fields of a form from its first bytes, which stay to be read.
// Go's reader wants to see what follows a part before it gives the part's end, so
// what is there is taken as far as it goes.
func headOf(c *call) (formHead, error) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return formHead{}, errors.New("it is no multipart/form-data with a boundary")
	}
	h := formHead{boundary: params["boundary"], fields: map[string]string{}}
	r := multipart.NewReader(bytes.NewReader(c.body.peek(preDataLimit+4<<10)), h.boundary)
	for {
		p, err := r.NextRawPart()
		if err != nil {
			return h, nil // no file so far: the caller decides what that means
		}
		if p.FormName() == "file" {
			h.file, h.fileName = p.Header, p.FileName()
			return h, nil
		}
		value, err := io.ReadAll(io.LimitReader(p, preDataLimit))
		if err != nil {
			return h, nil
		}
		h.fields[strings.ToLower(p.FormName())] = string(value)
	}
}

// serveForm checks an S3 form's grant by the sandbox's clock before the store
// checks everything else.
func (s *Sandbox) serveForm(c *call, b *bucketHost) *answer {
	if c.r.Header.Get("Authorization") != "" {
		return refuseS3(c, refusal{status: http.StatusBadRequest, code: "InvalidArgument", message: "Only one auth mechanism allowed"})
	}
	h, err := headOf(c)
	if err != nil {
		c.invalid("the form for S3: %v", err)
		return refuseS3(c, refusal{
			status: http.StatusPreconditionFailed, code: "PreconditionFailed", message: "Bucket POST must be of the enclosure-type multipart/form-data",
		})
	}
	if h.file == nil {
		c.invalid("the form for S3 has no part named file within its first %d bytes", preDataLimit)
		return refuseS3(c, refusal{status: http.StatusBadRequest, code: "MaxPostPreDataLengthExceededError", message: "Your POST request fields preceding the upload file were too large."})
	}
	c.path["key"] = h.fields["key"]
	c.log.Subject = h.fields["key"]
	issued, life, known := s.sitoo.issued(h.fields["key"], h.fields["x-amz-date"])
	if c.fault("expired") || known && s.clock.passed(issued, life) {
		return refuseS3(c, refusal{status: http.StatusForbidden, code: "AccessDenied", message: "Invalid according to Policy: Policy expired."})
	}
	s.sitoo.checkPost(c, h)
	return c.sendOn(b)
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

// checkFileLast notes a form whose file is not its last part.
func (c *call) checkFileLast(names []string) {
	for i, name := range names {
		if name == "file" && i < len(names)-1 {
			c.violation("file-not-last", "the form goes on after its file with %s", strings.Join(names[i+1:], ", "))
			return
		}
	}
}

package sitoo

import (
	"bytes"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/s3"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

func fullFile(id string) string { return "sitoo/" + id + "/image.jpg" }

func thumbnailFile(id string) string { return "sitoo/" + id + "/thumbnail.jpg" }

// grantOver says that a form has run out, by the life it was given.
func (t *Vendor) grantOver(c *simulate.Call, stamp string, _ simulate.Duration) bool {
	key := c.Path["key"]
	f, ok := t.table.Get(path.Base(key))
	life := simulate.Duration(time.Duration(f.Life) * time.Millisecond)
	return ok && f.Key == key && f.Stamp == stamp && t.w.Clock.Passed(f.Issued, life)
}

// formSubject are the words that belong to the key of a form, and its file's name.
func (t *Vendor) formSubject(c *simulate.Call) string {
	h, err := simulate.HeadOf(c)
	if err != nil {
		return ""
	}
	return t.subjectOf(h.Fields["key"]) + "\n" + h.FileName
}

func (t *Vendor) subjectOf(key string) string {
	f, _ := t.table.Get(path.Base(key))
	return strings.Join([]string{key, f.Name, f.EntityID}, "\n")
}

// checkPost notes a form whose file does not say what was declared.
func (t *Vendor) checkPost(c *simulate.Call, h *simulate.FormHead) {
	id := path.Base(h.Fields["key"])
	f, ok := t.table.Get(id)
	if !ok {
		return
	}
	if fate := c.Fate(); fate != "" {
		t.table.Update(id, func(f *mediaFile) bool { f.Fate = fate; return true })
	}
	if got := h.File.Get("Content-Type"); got != f.Declared {
		c.Violation("content-type", "the file part says %q, declared was %q", got, f.Declared)
	}
}

// arrived notes the bytes and begins with processing. A file that is done stays
// what it is.
func (t *Vendor) arrived(a simulate.Arrival) {
	id := path.Base(a.Key)
	set := t.settings()
	now, wall := t.w.Clock.Age(), t.w.Clock.Wall()
	f, ok := t.table.Update(id, func(f *mediaFile) bool {
		f.Received++
		if f.Result != "" {
			return true
		}
		f.Arrived, f.Queued = now, now+set.Queue.Milliseconds()
		f.Due = f.Queued + set.Processing.Milliseconds()
		f.Size, f.SHA256, f.ETag, f.ReceivedAt, f.Updated = a.Size, a.SHA256, a.ETag, &wall, wall.Unix()
		f.Skipped = set.SkipImages || t.w.Discard
		if t.w.Discard && !set.SkipImages && simulate.ImageType(a.Head) != f.Declared {
			f.Fate = simulate.FateFailed
		}
		return true
	})
	if ok && f.Fate != simulate.FateStuck && f.Result == "" {
		if done := t.w.Jobs.Start("sitoo/"+id, func() { t.process(id) }); f.Due <= now {
			<-done
		}
	}
}

// Resume goes on with what the end of the last process interrupted.
func (t *Vendor) Resume() {
	for _, f := range t.table.All() {
		switch {
		case f.Arrived == 0:
			t.w.Store.Settle(vendorName, f.Key)
		case f.Result == "" && f.Fate != simulate.FateStuck:
			t.w.Jobs.Start("sitoo/"+f.UploadID, func() { t.process(f.UploadID) })
		}
	}
}

// process decodes and converts; its result shows when processing is due.
func (t *Vendor) process(id string) {
	f, ok := t.table.Get(id)
	if !ok || f.Result != "" || f.Fate == simulate.FateStuck {
		return
	}
	result, processed := "failed", (*simulate.Processed)(nil)
	switch {
	case f.Fate == simulate.FateFailed:
	case f.Skipped:
		result = "ready"
	default:
		if made, err := t.convert(f); err == nil {
			result, processed = "ready", &made.Processed
		}
	}
	t.table.Update(id, func(f *mediaFile) bool {
		if f.Fate == simulate.FateStuck {
			return false
		}
		f.Result, f.Processed = result, processed
		return true
	})
}

func (t *Vendor) convert(f mediaFile) (rendered, error) {
	src, _, err := t.w.Store.Open(vendorName, f.Key)
	if err != nil {
		return rendered{}, err
	}
	defer func() { _ = src.Close() }()
	made, err := render(src, f.Declared)
	if err != nil {
		return made, err
	}
	for name, body := range map[string][]byte{fullFile(f.UploadID): made.full, thumbnailFile(f.UploadID): made.thumbnail} {
		kept, err := t.w.Files.Stage(bytes.NewReader(body), simulate.Measure{})
		if err != nil {
			return made, err
		}
		if err := kept.Keep(name); err != nil {
			return made, err
		}
	}
	return made, nil
}

// settle waits a little for processing that is due.
func (t *Vendor) settle(id string) {
	f, ok := t.table.Get(id)
	if ok && f.Arrived != 0 && f.Result == "" && f.Fate != simulate.FateStuck && t.w.Clock.Age() >= f.Due {
		t.w.Jobs.Finish("sitoo/"+id, func() { t.process(id) })
	}
}

func (t *Vendor) state(f mediaFile) string {
	now := t.w.Clock.Age()
	switch {
	case f.Arrived == 0:
		return "uploading"
	case now < f.Queued:
		return "uploaded"
	case now < f.Due || f.Result == "" || f.Fate == simulate.FateStuck:
		return "processing"
	case f.Fate == simulate.FateFailed:
		return "failed"
	}
	return f.Result
}

// describe is a file as the vendor shows it (SI-5).
func (t *Vendor) describe(f mediaFile) map[string]any {
	state := t.state(f)
	updated := f.Updated
	if state == "ready" || state == "failed" {
		updated = f.ReceivedAt.Unix() + (f.Due-f.Arrived)/1000
	}
	out := map[string]any{
		"file_id": f.UploadID, "content_type": f.Declared, "entity_type": f.EntityType, "entity_id": f.EntityID,
		"status": state, "created_at": f.CreatedAt.Unix(), "updated_at": updated,
	}
	if state != "ready" {
		return out
	}
	out["file_size"] = f.Size
	if f.Processed != nil {
		out["content_type"], out["file_size"] = f.Processed.ContentType, f.Processed.Size
	}
	life := time.Duration(t.settings().DownloadLife)
	expires := t.w.Clock.Wall().Add(life).Unix()
	for field, kind := range map[string]string{"download": "image.jpg", "thumbnail": "thumbnail.jpg"} {
		out[field+"_url"] = t.link("/cdn/sitoo/"+f.UploadID+"/"+kind, expires, life)
		out[field+"_expires_at"] = expires
	}
	return out
}

// download serves what a link leads to.
func (t *Vendor) download(name func(string) string) func(*simulate.Call) *simulate.Answer {
	return func(c *simulate.Call) *simulate.Answer {
		f, ok := t.table.Get(c.Path["file_id"])
		if why := t.linkWrong(c.HTTP.URL); why != "" {
			return s3.Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied", Message: why})
		}
		if !ok || t.state(f) != "ready" {
			return s3.Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied"})
		}
		c.Log.Subject = f.UploadID
		if f.Skipped {
			return s3.ServeObject(c, vendorName, f.Key, f.Declared)
		}
		file, err := t.w.Files.Open(name(f.UploadID))
		if err != nil {
			return s3.Refuse(c, simulate.Refusal{Status: http.StatusNotFound})
		}
		return simulate.ServeContent(c, io.ReadSeekCloser(file), "image/jpeg", "")
	}
}

// Media is the vendor's part of the ledger.
func (t *Vendor) Media() []simulate.Medium {
	var out []simulate.Medium
	for _, f := range t.table.All() {
		t.settle(f.UploadID)
		f, _ = t.table.Get(f.UploadID)
		f.State = t.state(f)
		if f.State != "uploading" {
			f.MediaID = f.UploadID
		}
		f.Visible = f.State == "ready" && !f.Lost
		out = append(out, f.Medium)
	}
	return out
}

package sandbox

import (
	"bytes"
	"io"
	"net/http"
	"path"
	"strings"
	"time"
)

func sitooFull(id string) string      { return "sitoo/" + id + "/image.jpg" }
func sitooThumbnail(id string) string { return "sitoo/" + id + "/thumbnail.jpg" }

// issued is the age at which the form for a key was handed out, and how long it
// lives.
func (t *sitoo) issued(key, stamp string) (int64, Duration, bool) {
	f, ok := t.table.get(path.Base(key))
	return f.Issued, Duration(time.Duration(f.Life) * time.Millisecond), ok && f.Key == key && f.Stamp == stamp
}

func (t *sitoo) subjectOf(key string) string {
	f, _ := t.table.get(path.Base(key))
	return strings.Join([]string{key, f.Name, f.EntityID}, "\n")
}

// checkPost notes a form whose file does not say what was declared.
func (t *sitoo) checkPost(c *call, h formHead) {
	id := path.Base(h.fields["key"])
	f, ok := t.table.get(id)
	if !ok {
		return
	}
	if fate := c.fate(); fate != "" {
		t.table.update(id, func(f *sitooFile) bool { f.Fate = fate; return true })
	}
	if got := h.file.Get("Content-Type"); got != f.Declared {
		c.violation("content-type", "the file part says %q, declared was %q", got, f.Declared)
	}
}

// arrived notes the bytes and begins with processing. A file that is done stays
// what it is.
func (t *sitoo) arrived(a arrival) {
	id := path.Base(a.key)
	set := t.s.Settings().Sitoo
	now, wall := t.s.clock.age(), t.s.clock.wall()
	f, ok := t.table.update(id, func(f *sitooFile) bool {
		f.Received++
		if f.Result != "" {
			return true
		}
		f.Arrived, f.Queued = now, now+set.Queue.milliseconds()
		f.Due = f.Queued + set.Processing.milliseconds()
		f.Size, f.SHA256, f.ETag, f.ReceivedAt, f.Updated = a.size, a.sha256, a.etag, &wall, wall.Unix()
		f.Skipped = set.SkipImages || t.s.opts.Discard
		if t.s.opts.Discard && !set.SkipImages && imageType(a.head) != f.Declared {
			f.Fate = fateFailed
		}
		return true
	})
	if ok && f.Fate != fateStuck && f.Result == "" {
		if done := t.s.jobs.start("sitoo/"+id, func() { t.process(id) }); f.Due <= now {
			<-done
		}
	}
}

// resume goes on with what the end of the last process interrupted.
func (t *sitoo) resume() {
	for _, f := range t.table.all() {
		switch {
		case f.Arrived == 0:
			t.s.settleArrival("sitoo", f.Key)
		case f.Result == "" && f.Fate != fateStuck:
			t.s.jobs.start("sitoo/"+f.UploadID, func() { t.process(f.UploadID) })
		}
	}
}

// process decodes and converts; its result shows when processing is due.
func (t *sitoo) process(id string) {
	f, ok := t.table.get(id)
	if !ok || f.Result != "" || f.Fate == fateStuck {
		return
	}
	result, processed := "failed", (*Processed)(nil)
	switch {
	case f.Fate == fateFailed:
	case f.Skipped:
		result = "ready"
	default:
		if made, err := t.convert(f); err == nil {
			result, processed = "ready", &made.Processed
		}
	}
	t.table.update(id, func(f *sitooFile) bool {
		if f.Fate == fateStuck {
			return false
		}
		f.Result, f.Processed = result, processed
		return true
	})
}

func (t *sitoo) convert(f sitooFile) (rendered, error) {
	src, _, err := t.s.store.open("sitoo", f.Key)
	if err != nil {
		return rendered{}, err
	}
	defer func() { _ = src.Close() }()
	made, err := render(src, f.Declared)
	if err != nil {
		return made, err
	}
	for name, body := range map[string][]byte{sitooFull(f.UploadID): made.full, sitooThumbnail(f.UploadID): made.thumbnail} {
		kept, err := t.s.files.stage(bytes.NewReader(body), measureOptions{})
		if err != nil {
			return made, err
		}
		if err := kept.keep(name); err != nil {
			return made, err
		}
	}
	return made, nil
}

// settle waits a little for processing that is due.
func (t *sitoo) settle(id string) {
	f, ok := t.table.get(id)
	if ok && f.Arrived != 0 && f.Result == "" && f.Fate != fateStuck && t.s.clock.age() >= f.Due {
		t.s.jobs.finish("sitoo/"+id, func() { t.process(id) })
	}
}

func (t *sitoo) state(f sitooFile) string {
	now := t.s.clock.age()
	switch {
	case f.Arrived == 0:
		return "uploading"
	case now < f.Queued:
		return "uploaded"
	case now < f.Due || f.Result == "" || f.Fate == fateStuck:
		return "processing"
	case f.Fate == fateFailed:
		return "failed"
	}
	return f.Result
}

// describe is a file as the vendor shows it (SI-5).
func (t *sitoo) describe(f sitooFile) map[string]any {
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
	life := time.Duration(t.s.Settings().Sitoo.DownloadLife)
	expires := t.s.clock.wall().Add(life).Unix()
	for field, kind := range map[string]string{"download": "image.jpg", "thumbnail": "thumbnail.jpg"} {
		out[field+"_url"] = t.s.link("/cdn/sitoo/"+f.UploadID+"/"+kind, expires, life)
		out[field+"_expires_at"] = expires
	}
	return out
}

// download serves what a link leads to.
func (t *sitoo) download(name func(string) string) func(*call) *answer {
	return func(c *call) *answer {
		f, ok := t.table.get(c.path["file_id"])
		if why := t.s.linkWrong(c.r.URL); why != "" {
			return refuseS3(c, refusal{status: http.StatusForbidden, code: "AccessDenied", message: why})
		}
		if !ok || t.state(f) != "ready" {
			return refuseS3(c, refusal{status: http.StatusForbidden, code: "AccessDenied"})
		}
		c.log.Subject = f.UploadID
		if f.Skipped {
			return t.s.serveObject(c, "sitoo", f.Key, f.Declared)
		}
		file, err := t.s.files.open(name(f.UploadID))
		if err != nil {
			return refuseS3(c, refusal{status: http.StatusNotFound})
		}
		return serveContent(c, io.ReadSeekCloser(file), "image/jpeg", "")
	}
}

func (t *sitoo) media() []Medium {
	var out []Medium
	for _, f := range t.table.all() {
		t.settle(f.UploadID)
		f, _ = t.table.get(f.UploadID)
		f.State = t.state(f)
		if f.State != "uploading" {
			f.MediaID = f.UploadID
		}
		f.Visible = f.State == "ready" && !f.Lost
		out = append(out, f.Medium)
	}
	return out
}

// LoseSitoo makes a file unknown to Sitoo, as if it had been cleaned away.
func (s *Sandbox) LoseSitoo(fileID string) bool {
	_, ok := s.sitoo.table.update(fileID, func(f *sitooFile) bool { f.Lost = true; return true })
	return ok
}

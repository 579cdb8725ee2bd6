package oss

import (
	"bytes"
	"context"
	"crypto/hmac"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Name is the name of the store of sources.
const Name = "oss"

// Sources is a bucket of sources on OSS, at a path of its own.
type Sources struct {
	w       *simulate.World
	sources *simulate.Table[Object] // by key
	files   *simulate.FileStore     // they are kept even where uploads are discarded
}

// Object is what OSS says of an object.
type Object struct {
	Key         string    `json:"key"`
	Size        int64     `json:"size"`
	ETag        string    `json:"etag"`
	CRC64       string    `json:"crc64"`
	ContentType string    `json:"content_type"`
	Modified    time.Time `json:"modified"`
}

// Open restores what is in the bucket.
func (o *Sources) Open(w *simulate.World) error {
	o.w = w
	files := *w.Files
	files.Discard = false
	o.files = &files
	var err error
	o.sources, err = simulate.NewTable[Object](w, "oss.source")
	return err
}

// Name is the name of the store.
func (o *Sources) Name() string { return Name }

// Targets are the calls that fault rules can name.
func (o *Sources) Targets() []simulate.Target {
	wrong := map[string]simulate.FaultKind{"wrong-crc": {}}
	return []simulate.Target{{Call: "get", Own: wrong}, {Call: "head", Own: wrong}, {Call: "put", Body: true, Own: wrong}, {Call: "list"}}
}

func (o *Sources) bucket() string { return "oss-sources-" + o.w.Identity.ID }

// Source is how to reach the bucket.
func (o *Sources) Source() simulate.Source {
	return simulate.Source{Endpoint: o.w.StorageURL, Bucket: o.bucket(), AccessKey: o.w.Identity.OSSAccess, SecretKey: o.w.Identity.OSSSecret}
}

// Routes are the calls to the bucket.
func (o *Sources) Routes() []simulate.Route {
	root := "/" + o.bucket() + "/"
	return []simulate.Route{
		{Call: "list", Method: http.MethodGet, Pattern: root, Zone: simulate.ZoneSource, Handle: o.signedOnly(o.list), Refuse: Refuse},
		{Call: "get", Method: http.MethodGet, Pattern: root + "{key...}", Zone: simulate.ZoneSource, Handle: o.signedOnly(o.get), Refuse: Refuse},
		{Call: "head", Method: http.MethodHead, Pattern: root + "{key...}", Zone: simulate.ZoneSource, Handle: o.signedOnly(o.get), Refuse: Refuse},
		{Call: "put", Method: http.MethodPut, Pattern: root + "{key...}", Zone: simulate.ZoneSource, Handle: o.signedOnly(o.take), Refuse: Refuse},
	}
}

// Puts shows the bodies that Put takes.
func (o *Sources) Puts() []string { return []string{`{"vendor":"oss","key":…,"body":base64}`} }

// Put puts a source into the bucket.
func (o *Sources) Put(_ context.Context, body []byte) (any, error) {
	var in simulate.SourceBody
	if err := simulate.ReadBody(body, &in); err != nil {
		return nil, err
	}
	if in.Key == "" {
		return nil, simulate.ErrNotPut
	}
	return simulate.Done(), o.PutObject(in.Key, in.Body)
}

// PutObject puts a source there.
func (o *Sources) PutObject(key string, body []byte) error {
	_, err := o.keep(key, http.DetectContentType(body), bytes.NewReader(body))
	return err
}

// signedOnly checks an Authorization header, or a signature in the query, of the
// first version.
func (o *Sources) signedOnly(next func(*simulate.Call) *simulate.Answer) func(*simulate.Call) *simulate.Answer {
	return func(c *simulate.Call) *simulate.Answer {
		c.Log.Subject = c.Path["key"]
		key, sign, date := c.Query.Get("OSSAccessKeyId"), c.Query.Get("Signature"), c.Query.Get("Expires")
		if key == "" {
			header, ok := strings.CutPrefix(c.HTTP.Header.Get("Authorization"), "OSS ")
			if !ok {
				return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied"})
			}
			key, sign, _ = strings.Cut(header, ":")
			date = c.HTTP.Header.Get("Date")
			at, err := http.ParseTime(date)
			if err != nil {
				return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied", Message: "OSS authentication requires a valid Date."})
			}
			if o.w.Clock.Wall().Sub(at).Abs() > slack {
				return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "RequestTimeTooSkewed"})
			}
		} else if until, err := strconv.ParseInt(date, 10, 64); err != nil || o.w.Clock.Calendar().Unix() > until {
			return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Request has expired."})
		}
		if key != o.w.Identity.OSSAccess {
			return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "InvalidAccessKeyId"})
		}
		want := Sign(o.w.Identity.OSSSecret, signedText(c.HTTP, o.bucket(), c.Path["key"], date))
		if !hmac.Equal([]byte(sign), []byte(want)) {
			return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "SignatureDoesNotMatch"})
		}
		return next(c)
	}
}

func fileName(key string) string { return "oss/" + key }

// take stores a source.
func (o *Sources) take(c *simulate.Call) *simulate.Answer {
	kind := c.HTTP.Header.Get("Content-Type")
	obj, err := o.keep(c.Path["key"], kind, c.Body)
	if err != nil {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "RequestTimeout"})
	}
	return headers(c, newAnswerOf(http.StatusOK), obj)
}

func (o *Sources) keep(key, kind string, body io.Reader) (Object, error) {
	s, err := o.files.Stage(body, simulate.Measure{CRC64: true, MD5: true})
	if err != nil {
		return Object{}, err
	}
	if err := s.Keep(fileName(key)); err != nil {
		return Object{}, err
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	obj := Object{
		Key: key, Size: s.Size, ETag: strings.ToUpper(s.MD5), CRC64: s.CRC64, ContentType: kind,
		Modified: o.w.Clock.Wall().Truncate(time.Second),
	}
	o.sources.Put(key, obj)
	return obj, nil
}

// get gives a source, a range of it, or its headers.
func (o *Sources) get(c *simulate.Call) *simulate.Answer {
	obj, ok := o.sources.Get(c.Path["key"])
	if !ok {
		return Refuse(c, simulate.Refusal{Status: http.StatusNotFound, Code: "NoSuchKey"})
	}
	if want := c.HTTP.Header.Get("If-Match"); want != "" && strings.Trim(want, `"`) != obj.ETag {
		return Refuse(c, simulate.Refusal{Status: http.StatusPreconditionFailed})
	}
	if have := c.HTTP.Header.Get("If-None-Match"); have != "" && strings.Trim(have, `"`) == obj.ETag {
		return newAnswerOf(http.StatusNotModified)
	}
	f, err := o.files.Open(fileName(obj.Key))
	if err != nil {
		return Refuse(c, simulate.Refusal{Status: http.StatusNotFound, Code: "NoSuchKey"})
	}
	return headers(c, simulate.ServeContent(c, f, obj.ContentType, ""), obj)
}

func headers(c *simulate.Call, a *simulate.Answer, obj Object) *simulate.Answer {
	marked := marks(c, a, obj)
	return marked.With("x-oss-request-id", strings.ToUpper(simulate.RandomHex(12))).With("Server", "AliyunOSS").
		With("x-oss-object-type", "Normal").With("Last-Modified", obj.Modified.Format(http.TimeFormat))
}

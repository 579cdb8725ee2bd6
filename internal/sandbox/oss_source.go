package sandbox

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func ossFile(key string) string { return "oss/" + key }

// put stores a source.
func (o *oss) put(c *call) *answer {
	kind := c.r.Header.Get("Content-Type")
	obj, err := o.keep(c.path["key"], kind, c.body)
	if err != nil {
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "RequestTimeout"})
	}
	return o.headers(c, ossAnswer(http.StatusOK), obj)
}

func (o *oss) keep(key, kind string, body io.Reader) (ossObject, error) {
	s, err := o.files.stage(body, measureOptions{crc64: true, md5: true})
	if err != nil {
		return ossObject{}, err
	}
	if err := s.keep(ossFile(key)); err != nil {
		return ossObject{}, err
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	obj := ossObject{
		Key: key, Size: s.size, ETag: strings.ToUpper(s.md5), CRC64: s.crc64, ContentType: kind,
		Modified: o.s.clock.wall().Truncate(time.Second),
	}
	o.sources.put(key, obj)
	return obj, nil
}

// get gives a source, a range of it, or its headers.
func (o *oss) get(c *call) *answer {
	obj, ok := o.sources.get(c.path["key"])
	if !ok {
		return refuseOSS(c, refusal{status: http.StatusNotFound, code: "NoSuchKey"})
	}
	if want := c.r.Header.Get("If-Match"); want != "" && strings.Trim(want, `"`) != obj.ETag {
		return refuseOSS(c, refusal{status: http.StatusPreconditionFailed})
	}
	if have := c.r.Header.Get("If-None-Match"); have != "" && strings.Trim(have, `"`) == obj.ETag {
		return ossAnswer(http.StatusNotModified)
	}
	f, err := o.files.open(ossFile(obj.Key))
	if err != nil {
		return refuseOSS(c, refusal{status: http.StatusNotFound, code: "NoSuchKey"})
	}
	return o.headers(c, serveContent(c, f, obj.ContentType, ""), obj)
}

func (o *oss) headers(c *call, a *answer, obj ossObject) *answer {
	marked := o.marks(c, a, trustooObject{Medium: Medium{CRC64: obj.CRC64, ETag: obj.ETag}})
	return marked.with("x-oss-request-id", strings.ToUpper(randomHex(12))).with("Server", "AliyunOSS").
		with("x-oss-object-type", "Normal").with("Last-Modified", obj.Modified.Format(http.TimeFormat))
}

type ossList struct {
	XMLName               struct{} `xml:"ListBucketResult"`
	Name                  string
	Prefix                string
	Marker                string `xml:",omitempty"`
	NextMarker            string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	KeyCount              int
	MaxKeys               int
	Delimiter             string
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	Contents              []ossListed
	CommonPrefixes        []ossPrefix
}

type ossListed struct {
	Key          string
	LastModified string
	ETag         string
	Type         string
	Size         int64
	StorageClass string
}

type ossPrefix struct{ Prefix string }

const ossListMost = 1000

// list is ListObjects in both versions: by marker, or by token.
func (o *oss) list(c *call) *answer {
	q := c.query
	most, err := strconv.Atoi(q.Get("max-keys"))
	if err != nil {
		most = 100
	}
	if most < 1 || most > ossListMost {
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "InvalidArgument", message: "max-keys must be between 1 and 1000."})
	}
	v2 := q.Get("list-type") == "2"
	after := q.Get("marker")
	if v2 {
		after = max(q.Get("start-after"), q.Get("continuation-token"))
	}
	out := ossList{
		Name: o.bucket(), Prefix: q.Get("prefix"), MaxKeys: most, Delimiter: q.Get("delimiter"), EncodingType: q.Get("encoding-type"),
		Marker: q.Get("marker"), StartAfter: q.Get("start-after"), ContinuationToken: q.Get("continuation-token"),
	}
	next := o.fill(&out, after, most)
	if out.IsTruncated && v2 {
		out.NextContinuationToken = next
	} else if out.IsTruncated {
		out.NextMarker = next
	}
	out.encode()
	return xmlAnswer(http.StatusOK, out).with("x-oss-request-id", strings.ToUpper(randomHex(12))).with("Server", "AliyunOSS")
}

// fill lists what comes after a key and returns the last thing listed.
func (o *oss) fill(out *ossList, after string, most int) string {
	all := o.sources.all()
	slices.SortFunc(all, func(a, b ossObject) int { return strings.Compare(a.Key, b.Key) })
	last := ""
	for _, obj := range all {
		rest, ok := strings.CutPrefix(obj.Key, out.Prefix)
		if !ok || obj.Key <= after {
			continue
		}
		folder := ""
		if out.Delimiter != "" {
			if head, _, found := strings.Cut(rest, out.Delimiter); found {
				folder = out.Prefix + head + out.Delimiter
			}
		}
		if folder != "" && (folder == last || folder <= after) {
			continue
		}
		if out.KeyCount == most {
			out.IsTruncated = true
			return last
		}
		out.KeyCount++
		if folder != "" {
			last = folder
			out.CommonPrefixes = append(out.CommonPrefixes, ossPrefix{folder})
			continue
		}
		last = obj.Key
		out.Contents = append(out.Contents, ossListed{
			Key: obj.Key, LastModified: obj.Modified.Format("2006-01-02T15:04:05.000Z"), ETag: `"` + obj.ETag + `"`,
			Type: "Normal", Size: obj.Size, StorageClass: "Standard",
		})
	}
	return last
}

// encode escapes names where the client asked for it.
func (l *ossList) encode() {
	if l.EncodingType != "url" {
		return
	}
	for _, s := range []*string{&l.Prefix, &l.Marker, &l.NextMarker, &l.StartAfter, &l.ContinuationToken, &l.NextContinuationToken, &l.Delimiter} {
		*s = url.QueryEscape(*s)
	}
	for i := range l.Contents {
		l.Contents[i].Key = url.QueryEscape(l.Contents[i].Key)
	}
	for i := range l.CommonPrefixes {
		l.CommonPrefixes[i].Prefix = url.QueryEscape(l.CommonPrefixes[i].Prefix)
	}
}

// PutOSSObject puts a source into the OSS bucket; see OSS.
func (s *Sandbox) PutOSSObject(key string, body []byte) error {
	_, err := s.oss.keep(key, http.DetectContentType(body), bytes.NewReader(body))
	return err
}

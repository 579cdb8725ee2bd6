package oss

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

type listing struct {
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
	Contents              []listed
	CommonPrefixes        []commonPrefix
}

type listed struct {
	Key          string
	LastModified string
	ETag         string
	Type         string
	Size         int64
	StorageClass string
}

type commonPrefix struct{ Prefix string }

const listMost = 1000

// list is ListObjects in both versions: by marker, or by token.
func (o *Sources) list(c *simulate.Call) *simulate.Answer {
	q := c.Query
	most, err := strconv.Atoi(q.Get("max-keys"))
	if err != nil {
		most = 100
	}
	if most < 1 || most > listMost {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: "max-keys must be between 1 and 1000."})
	}
	v2 := q.Get("list-type") == "2"
	after := q.Get("marker")
	if v2 {
		after = max(q.Get("start-after"), q.Get("continuation-token"))
	}
	out := listing{
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
	return simulate.XML(http.StatusOK, out).With("x-oss-request-id", strings.ToUpper(simulate.RandomHex(12))).With("Server", "AliyunOSS")
}

// fill lists what comes after a key and returns the last thing listed.
func (o *Sources) fill(out *listing, after string, most int) string {
	all := o.sources.All()
	slices.SortFunc(all, func(a, b Object) int { return strings.Compare(a.Key, b.Key) })
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
			out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{folder})
			continue
		}
		last = obj.Key
		out.Contents = append(out.Contents, listed{
			Key: obj.Key, LastModified: obj.Modified.Format("2006-01-02T15:04:05.000Z"), ETag: `"` + obj.ETag + `"`,
			Type: "Normal", Size: obj.Size, StorageClass: "Standard",
		})
	}
	return last
}

// encode escapes names where the client asked for it.
func (l *listing) encode() {
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

// Package closient is what Closient says on the wire: one form POST to the vendor
// itself, which makes an image each time. So the images of the product are listed
// before it, and again when its answer was lost.
package closient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Client makes Closient's calls. It has no state.
type Client struct{}

// caller is the means of making Closient's calls.
type caller struct{ *wire.Caller }

// image is an image of a product.
type image struct {
	ID        wire.Text   `json:"id"`
	Title     wire.Text   `json:"title"`
	IsPrimary wire.Bool   `json:"is_primary"`
	Created   wire.Moment `json:"created"`
	ImageURL  wire.Text   `json:"image_url"`
}

// Prepare remembers which images the product has: GET …/images, all pages.
func (Client) Prepare(ctx context.Context, c *wire.Caller, in upload.Prepare) (upload.Session, error) {
	images, now, err := caller{c}.list(ctx, upload.StepPrepare, in.Item.Fields)
	if err != nil {
		return upload.Session{}, err
	}
	before := make([]string, 0, len(images))
	for _, image := range images {
		before = append(before, string(image.ID))
	}
	var form []upload.FormField
	if title := in.Item.Fields.String("title"); title != "" {
		form = append(form, upload.FormField{Name: "title", Value: title})
	}
	if primary, present := in.Item.Fields.Bool("is_primary"); present {
		form = append(form, upload.FormField{Name: "is_primary", Value: strconv.FormatBool(primary)})
	}
	return upload.Session{
		Method: upload.MethodForm, Store: upload.StoreVendor,
		URL: c.Account.URL(imagesPath(in.Item.Fields)), Form: form,
		File:     upload.FormFile{Field: "image", Name: in.Content.Name, Type: in.Content.Type},
		OpenedAt: earlier(now, c.Now()), Before: before,
	}, nil
}

// earlier is the moment from which an image may be ours. The dates of answers and of
// images may come from different clocks. A moment that is too early does no harm,
// because the images that were there before are known.
func earlier(there, here time.Time) time.Time {
	if here.Before(there) {
		return here
	}
	return there
}

// Admission lets the bytes in.
func (Client) Admission(_ context.Context, c *wire.Caller) (http.Header, error) {
	return http.Header{"X-Api-Key": {c.Account.Settings["api_key"]}, "Accept": {"application/json"}}, nil
}

// Received reads the answer to the POST. After an answer that is neither a clear
// refusal nor an image, there may be one now.
func (Client) Received(ctx context.Context, c *wire.Caller, status int, header http.Header, body []byte) (upload.Media, error) {
	a := c.Received(callPost, status, header, body)
	caller{c}.pace(ctx, a)
	if status < 200 || status >= 300 {
		return upload.Media{}, c.Judge(ctx, a, status, refusal(a))
	}
	var got image
	if err := a.Decode(&got); err != nil {
		return upload.Media{}, err
	}
	if got.ID == "" {
		return upload.Media{}, a.Incomplete("without id")
	}
	return got.media(), nil
}

func (i image) media() upload.Media {
	return upload.Media{ID: string(i.ID), URL: wire.LastingURL(string(i.ImageURL)), State: upload.StateReady, Seen: "listed"}
}

// Poll makes no call: an image that was answered is ready.
func (Client) Poll(_ context.Context, _ *wire.Caller, in upload.Poll) (upload.Media, error) {
	return in.Session.Media, nil
}

// list reads all images of a product, and the vendor's time.
func (c caller) list(ctx context.Context, step upload.Step, fields upload.Fields) ([]image, time.Time, error) {
	var all []image
	for page := 1; ; page++ {
		query := url.Values{"page": {strconv.Itoa(page)}, "page_size": {strconv.Itoa(pageSize)}}
		a, err := c.call(ctx, wire.Request{Call: callList.At(step), Path: imagesPath(fields) + "?" + query.Encode()})
		if err != nil {
			return nil, time.Time{}, err
		}
		var got struct {
			Data       wire.List[image] `json:"data"`
			Pagination wire.Object[struct {
				HasNext wire.Bool `json:"has_next"`
			}] `json:"pagination"`
		}
		if err := a.Decode(&got); err != nil {
			return nil, time.Time{}, err
		}
		if got.Data == nil { // a missing list is not an empty list: our image would seem not to be there
			return nil, time.Time{}, a.Incomplete("without data")
		}
		all = append(all, got.Data...)
		switch {
		case !bool(got.Pagination.Value.HasNext), len(got.Data) == 0:
			return all, a.There(c.Now()), nil
		case page == maxPages:
			return nil, time.Time{}, a.Incomplete("with more than %d pages", page)
		}
	}
}

func imagesPath(fields upload.Fields) string {
	return "/trade-items/" + url.PathEscape(fields.String("organization_id")) + "/" + url.PathEscape(fields.String("gtin")) + "/images"
}

func (c caller) call(ctx context.Context, r wire.Request) (wire.Answer, error) {
	r.Login = http.Header{"X-Api-Key": {c.Account.Settings["api_key"]}}
	a, err := c.Call(ctx, r, refusal)
	c.pace(ctx, a)
	return a, err
}

// pace obeys what every answer says of the key's limits, and of the rest of the window
// (docs.closient.com/rate-limits): RateLimit-Reset is in seconds from now.
func (c caller) pace(ctx context.Context, a wire.Answer) {
	if told := a.Quotas(); len(told) > 0 && !a.Foreign() {
		c.Permits.Learn(ctx, c.Account, told)
	}
	reset, err := strconv.Atoi(a.Header.Get("RateLimit-Reset"))
	if a.Header.Get("RateLimit-Remaining") == "0" && err == nil && reset > 0 {
		reset = min(reset, int(longestWindow/time.Second)) // first, for not every number is a Duration
		c.Permits.Rest(ctx, c.Account, time.Duration(reset)*time.Second, "closient answered that no more requests are left in its window")
	}
}

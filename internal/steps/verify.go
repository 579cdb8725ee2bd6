package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

const (
	// wholeMost is up to how many bytes a medium is read whole.
	wholeMost = 64 << 20
	// mediumTime bounds the reading of a medium.
	mediumTime = 10 * time.Minute
	// address is what a comparison calls the medium's URL: whether it can be read.
	address = "address"
)

// Finished reads from the ledger what is known of an upload that is ready. A row that
// an earlier upload had delivered is that upload's medium.
func (s *Steps) Finished(ctx context.Context, uploadID string) (upload.Finished, error) {
	entry, err := s.Ledger.Get(ctx, uploadID)
	if errors.Is(err, ledger.ErrNotFound) {
		return upload.Finished{}, upload.Errorf(upload.KindInvalid, upload.StepPoll, "%w", err)
	}
	if err != nil {
		return upload.Finished{}, FromLedger(ctx, err)
	}
	r := entry.Result
	if r.State != upload.StateReady {
		return upload.Finished{}, upload.Errorf(upload.KindInvalid, upload.StepPoll, "%s is %s; only an upload that is ready has a medium", uploadID, r.State)
	}
	item, err := entry.Item()
	if err != nil {
		return upload.Finished{}, FromLedger(ctx, err)
	}
	of := upload.Finished{
		Item: item, Handle: entry.Handle, Media: upload.Media{ID: string(r.MediaID), URL: string(r.MediaURL)},
		Size: int64(r.Size), SHA256: string(r.SHA256), CRC64: string(r.CRC64), Converted: r.Converted(),
	}
	if of.Handle == (upload.Handle{}) && r.KnownFrom != "" {
		of.Handle, err = s.handleOf(ctx, string(r.KnownFrom))
	}
	return of, err
}

// handleOf is the handle of an upload that may have been forgotten.
func (s *Steps) handleOf(ctx context.Context, uploadID string) (upload.Handle, error) {
	entry, err := s.Ledger.Get(ctx, uploadID)
	if errors.Is(err, ledger.ErrNotFound) {
		return upload.Handle{}, nil
	}
	return entry.Handle, FromLedger(ctx, err)
}

// Verify asks the vendor again for a medium that is ready, and compares what it has
// with what was sent. It changes nothing at the vendor.
func (s *Steps) Verify(ctx context.Context, of upload.Finished) (upload.Verification, error) {
	v := upload.Unverified(s.Now(), nil)
	vendor, caller, err := s.Caller(ctx, of.Item)
	if err != nil {
		return v, err
	}
	reader, ok := vendor.(vendors.Rereader)
	if !ok {
		v.Reason = upload.Text(vendor.Spec().Title + " has no call to read a finished medium")
		return v, nil
	}
	reading, err := reader.Reread(ctx, caller, of)
	if err = s.judged(ctx, vendor, caller.Account, err); err != nil {
		return v, err
	}
	if reading.Asked != "" {
		v.Asked = append(v.Asked, reading.Asked)
	}
	v.Compared, v.Reason = append(v.Compared, reading.Facts...), upload.Text(reading.Silent)
	if reading.Gone {
		v.Outcome = upload.OutcomeGone
		return v, nil
	}
	if reading.URL != "" {
		v.Asked = append(v.Asked, "GET "+egress.Redact(reading.URL))
		read, err := readMedium(ctx, caller, of, reading)
		if err != nil {
			return v, err
		}
		v.Compared = append(v.Compared, read...)
	}
	v.Conclude()
	if first := v.Compared; len(first) == 1 && first[0].What == address && first[0].Outcome == upload.OutcomeDiffers {
		v.Outcome = upload.OutcomeGone // there is nothing at its address, and the vendor says nothing else
	}
	return v, nil
}

// readMedium reads a medium's bytes where anybody can, without credentials.
func readMedium(ctx context.Context, caller *wire.Caller, of upload.Finished, r upload.Reading) ([]upload.Comparison, error) {
	ctx, done := context.WithTimeout(ctx, mediumTime)
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return []upload.Comparison{upload.Compare(address, "", "not a URL")}, nil
	}
	response, err := caller.Storage.Do(get)
	if egress.IsRefused(err) {
		return []upload.Comparison{upload.Compare(address, "", egress.Cause(err))}, nil
	}
	if err != nil {
		return nil, unread(get, egress.Cause(err))
	}
	defer func() { _ = response.Body.Close() }() // the rest is not needed
	status := strconv.Itoa(response.StatusCode)
	switch {
	case response.StatusCode == http.StatusNotFound, response.StatusCode == http.StatusGone:
		return []upload.Comparison{upload.Compare(address, "200", status)}, nil
	case response.StatusCode == http.StatusTooManyRequests, egress.MayPass(response.StatusCode), page(response.Header):
		return nil, unread(get, "answered "+status+" ("+egress.Speaker(response.Header)+")")
	case response.StatusCode != http.StatusOK: // it may not be for everybody
		return []upload.Comparison{upload.Compare(address, "", status)}, nil
	}
	found := []upload.Comparison{upload.Compare(address, "200", status)}
	if !r.Original {
		return append(found, length(response, r.Size)...), nil
	}
	if of.Size > wholeMost {
		found = append(found, length(response, of.Size)...)
		if sum := transfer.StoredCRC64(response.Header); sum != "" {
			found = append(found, upload.Compare("crc64", of.CRC64, sum))
		}
		return found, nil
	}
	same, err := sameBytes(egress.NewSteady(ctx, cancel, response.Body), of)
	if err != nil {
		return nil, unread(get, egress.Cause(err))
	}
	return append(found, same...), nil
}

// unread is the failure of an address that cannot be read now.
func unread(get *http.Request, why string) *upload.Error {
	return upload.Errorf(upload.KindUnavailable, upload.StepPoll, "the medium at %s: %s", get.URL.Host, why)
}

// page reports whether somebody in between may have answered: no medium is a page.
func page(header http.Header) bool {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && kind == "text/html"
}

// length compares how many bytes an answer has with how many there are to be.
func length(response *http.Response, size int64) []upload.Comparison {
	if response.ContentLength < 0 || size == 0 {
		return nil
	}
	return []upload.Comparison{upload.Compare("bytes", strconv.FormatInt(size, 10), strconv.FormatInt(response.ContentLength, 10))}
}

// sameBytes reads a medium, and no more than one byte beyond its size.
func sameBytes(body io.Reader, of upload.Finished) ([]upload.Comparison, error) {
	h, crc := sha256.New(), crc64.New(upload.CRC64Table)
	n, err := io.Copy(io.MultiWriter(h, crc), io.LimitReader(body, of.Size+1))
	if err != nil {
		return nil, err
	}
	size := strconv.FormatInt(n, 10)
	if n > of.Size {
		size = fmt.Sprintf("more than %d", of.Size)
	}
	found := []upload.Comparison{upload.Compare("bytes", strconv.FormatInt(of.Size, 10), size)}
	if of.SHA256 != "" {
		return append(found, upload.Compare("sha256", of.SHA256, hex.EncodeToString(h.Sum(nil)))), nil
	}
	return append(found, upload.Compare("crc64", of.CRC64, upload.FormatCRC64(crc.Sum64()))), nil
}

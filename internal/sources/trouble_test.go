package sources

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestFileTroublesAreToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		err          error
		text         string
		claim, later upload.Kind
	}{
		"missing":            {syscall.ENOENT, "does not exist", upload.KindInvalid, upload.KindMissing},
		"forbidden":          {syscall.EACCES, "cannot be read by this user", upload.KindInvalid, upload.KindMissing},
		"not permitted":      {syscall.EPERM, "cannot be read by this user", upload.KindInvalid, upload.KindMissing},
		"too long":           {syscall.ENAMETOOLONG, "too long", upload.KindInvalid, upload.KindInvalid},
		"a link in a circle": {syscall.ELOOP, "forms a loop", upload.KindInvalid, upload.KindMissing},
		"a broken disk":      {syscall.EIO, "input/output error", upload.KindUnavailable, upload.KindUnavailable},
		"too many files":     {syscall.EMFILE, "too many open files", upload.KindUnavailable, upload.KindUnavailable},
		"a lost server":      {syscall.ESTALE, "stale", upload.KindUnavailable, upload.KindUnavailable},
		"a path that leaves": {errors.New("path escapes from parent"), "path escapes", upload.KindInvalid, upload.KindMissing},
	} {
		t.Run(name, func(t *testing.T) {
			err := fileTrouble(&fs.PathError{Op: "open", Path: "/srv/x", Err: c.err})
			claim, later := fault(upload.StepClaim, "/srv/x", err), fault(upload.StepTransfer, "/srv/x", err)
			require.Equal(t, c.claim, claim.Kind)
			require.Equal(t, c.later, later.Kind)
			require.ErrorContains(t, claim, `source "/srv/x" `)
			require.ErrorContains(t, claim, c.text)
			require.ErrorIs(t, claim, c.err)
		})
	}
}

func TestRefusalsMeanWhatTheyMayMean(t *testing.T) {
	for name, c := range map[string]struct {
		refusal      refusal
		claim, later upload.Kind
	}{
		"not found":           {refusal{status: 404, code: "NoSuchKey"}, upload.KindInvalid, upload.KindMissing},
		"forbidden":           {refusal{status: 403}, upload.KindInvalid, upload.KindMissing},
		"no login":            {refusal{status: 401}, upload.KindInvalid, upload.KindMissing},
		"in an archive":       {refusal{status: 403, code: "InvalidObjectState"}, upload.KindInvalid, upload.KindInvalid},
		"credentials ran out": {refusal{status: 400, code: "ExpiredToken"}, upload.KindUnavailable, upload.KindUnavailable},
		"a wrong clock":       {refusal{status: 403, code: "RequestTimeTooSkewed"}, upload.KindUnavailable, upload.KindUnavailable},
		"too fast":            {refusal{status: 429}, upload.KindUnavailable, upload.KindUnavailable},
		"overloaded":          {refusal{status: 503, code: "SlowDown"}, upload.KindUnavailable, upload.KindUnavailable},
		"a proxy's login":     {refusal{status: 407}, upload.KindUnavailable, upload.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.claim, fault(upload.StepClaim, "s3://b/k", c.refusal.trouble()).Kind)
			require.Equal(t, c.later, fault(upload.StepTransfer, "s3://b/k", c.refusal.trouble()).Kind)
		})
	}
}

func TestAContentRangeIsReadStrictly(t *testing.T) {
	first, last, total, err := parseContentRange("bytes 10-19/100")
	require.NoError(t, err)
	require.Equal(t, [3]int64{10, 19, 100}, [3]int64{first, last, total})
	_, _, total, err = parseContentRange("bytes 0-9/*")
	require.NoError(t, err)
	require.EqualValues(t, -1, total)
	for _, text := range []string{"", "bytes", "bytes */100", "items 0-9/100", "bytes a-9/100", "bytes 0-b/100", "bytes 0-9/c", "bytes 0-9"} {
		_, _, _, err := parseContentRange(text)
		require.Error(t, err, text)
	}
}

// waiting gives one byte, and no more until its request ends.
type waiting struct {
	ctx   context.Context
	given bool
}

func (w *waiting) Read(p []byte) (int, error) {
	if !w.given {
		w.given = true
		return copy(p, "x"), nil
	}
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}

func (w *waiting) Close() error { return nil }

func TestABodyThatStandsStillIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		b := newBody(egress.NewSteady(ctx, cancel, &waiting{ctx: ctx}), 10, asIs)
		n, err := io.Copy(io.Discard, b)
		require.EqualValues(t, 1, n)
		require.ErrorIs(t, err, egress.ErrStalled)
		require.ErrorContains(t, err, "ended after 1 of 10 bytes")
		require.True(t, about(err, broke))
		require.NoError(t, b.Close())
	})
}

// dripping gives some bytes a second.
type dripping struct{ each int }

func (d dripping) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return min(d.each, len(p)), nil
}

func (dripping) Close() error { return nil }

func TestABodyThatDripsIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		each  int
		pause time.Duration // of the one who reads
		ended int           // bytes; 0: it is read to its end
	}{
		"below the least rate":              {each: 900, ended: 60 * 900},
		"above it":                          {each: 1100},
		"above it, by one who reads slowly": {each: 1100, pause: time.Minute},
		"below it, by one who reads slowly": {each: 900, pause: time.Minute, ended: 60 * 900},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const size = 100_000
				ctx, cancel := context.WithCancelCause(t.Context())
				b := newBody(egress.NewSteady(ctx, cancel, dripping{c.each}), size, asIs)
				got := 0
				var err error
				for err == nil {
					var n int
					n, err = b.Read(make([]byte, 4096))
					got += n
					time.Sleep(c.pause)
				}
				if c.ended == 0 {
					require.ErrorIs(t, err, io.EOF)
					require.Equal(t, size, got)
					return
				}
				require.Equal(t, c.ended, got)
				require.ErrorContains(t, err, "the source sends only 900 bytes per second")
				require.True(t, about(err, broke), "it may be faster later")
			})
		})
	}
}

// silentPlace does not answer.
type silentPlace struct{ remote }

func (silentPlace) head(ctx context.Context) (object, error) {
	<-ctx.Done()
	return object{}, network(ctx.Err())
}

func (silentPlace) get(ctx context.Context, _ span, _ object) (object, io.ReadCloser, error) {
	<-ctx.Done()
	return object{}, nil, network(ctx.Err())
}

func TestASourceThatDoesNotAnswerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, _, err := read(t.Context(), silentPlace{}, span{size: 1}, object{}, asIs)
		require.ErrorContains(t, err, "did not answer for 1m0s")
		require.True(t, about(err, broke))
		require.Equal(t, patience, time.Since(start))
		_, err = current(t.Context(), silentPlace{}, "")
		require.True(t, about(err, broke))
		require.Equal(t, 2*patience+headTime, time.Since(start))
	})
}

// drippingPlace describes its content at once, and gives a byte every two seconds.
type drippingPlace struct{ remote }

func (drippingPlace) name() string { return "a.jpg" }

func (drippingPlace) get(context.Context, span, object) (object, io.ReadCloser, error) {
	return object{size: 1_000_000, etag: `"a"`, partial: true}, everySecond{}, nil
}

// everySecond gives a byte every other second.
type everySecond struct{}

func (everySecond) Read(p []byte) (int, error) {
	time.Sleep(2 * time.Second)
	return copy(p, "a"), nil
}

func (everySecond) Close() error { return nil }

func TestALookEndsInAMinute(t *testing.T) {
	for name, c := range map[string]struct {
		at   remote
		says string
	}{
		"at a source that drips":           {drippingPlace{}, "ended after "},
		"at a source that does not answer": {silentPlace{}, "did not answer for 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := remotePlace{c.at}.look(t.Context())
				require.ErrorContains(t, err, c.says)
				require.True(t, about(err, broke), "it may be faster later")
				require.Equal(t, upload.KindUnavailable, fault(upload.StepClaim, "https://h/a.jpg", err).Kind)
				require.LessOrEqual(t, time.Since(start), patience+2*time.Second)
			})
		})
	}
}

// Between the look at a file's mode and its opening, something else may come to
// lie there.
func TestWhatIsOpenedIsLookedAtAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.jpg")
	require.NoError(t, os.WriteFile(path, []byte("content"), 0o600))
	stat := func(string) (fs.FileInfo, error) { return os.Stat(path) }
	opening := func(name string) func(string, int, fs.FileMode) (*os.File, error) {
		return func(_ string, flag int, mode fs.FileMode) (*os.File, error) { return os.OpenFile(name, flag, mode) }
	}
	_, _, err := openRegular(path, stat, opening(dir))
	require.True(t, about(err, never), "%v", err)
	_, _, err = openRegular(path, stat, opening(path+".gone"))
	require.True(t, about(err, gone), "%v", err)
	file, info, err := openRegular(path, stat, opening(path))
	require.NoError(t, err)
	require.EqualValues(t, 7, info.Size())
	require.NoError(t, file.Close())
}

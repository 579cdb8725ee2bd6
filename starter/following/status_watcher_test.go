package following

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAStatusThatIsNotAnsweredIsForgotten(t *testing.T) {
	answers := make(chan error)
	f := &Upload{item: upload.Item{UploadID: "upload/truvideo/tour"}}
	w := newStatusWatcher(func(context.Context, *Upload) (underWay, error) {
		return underWay{status: &upload.Status{Parts: 32}}, <-answers
	}, 0)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	w.watch([]*Upload{f})
	require.Nil(t, w.now(f.item.UploadID).status, "nobody was asked")
	go func() {
		defer close(ended)
		w.run(ctx)
	}()
	answers <- nil
	answers <- errors.New("no worker") // the first answer has been noted by now
	cancel()
	<-ended
	require.Nil(t, w.now(f.item.UploadID).status)
	w.note(f.item.UploadID, underWay{status: &upload.Status{Parts: 32}}, true)
	require.Equal(t, 32, w.now(f.item.UploadID).status.Parts)
	require.Nil(t, w.now("upload/truvideo/another").status)
}

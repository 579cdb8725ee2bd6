package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAPartThatIsKeptIsNotSentAgain(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	acts := &Activities{Ledger: l, Log: zap.NewNop(), Accounts: byName{}}
	kept := ledger.KeptPart{
		UploadID: "upload/truvideo/a", Session: "s1", Fingerprint: "f",
		Part: upload.Part{Number: 2, Offset: 10, Size: 10, ETag: "aa", CRC64: "1"},
	}
	require.NoError(t, l.KeepPart(t.Context(), kept))
	in := upload.SendPart{
		Item: upload.Item{UploadID: kept.UploadID}, Content: upload.Content{Fingerprint: "f", Size: 20},
		Session: "s1", Part: upload.PartURL{Number: 2}, Offset: 10, Size: 10,
	}
	send := func(in upload.SendPart) (part upload.Part, err error) {
		suite := testsuite.WorkflowTestSuite{}
		env := suite.NewTestActivityEnvironment()
		env.RegisterActivityWithOptions(func(ctx context.Context, in upload.SendPart) (upload.Part, error) {
			return acts.SendPart(ctx, in)
		}, activity.RegisterOptions{Name: "SendPart"})
		value, err := env.ExecuteActivity("SendPart", in)
		if err == nil {
			err = value.Get(&part)
		}
		return part, err
	}
	part, err := send(in)
	require.NoError(t, err)
	require.Equal(t, kept.Part, part)

	in.Offset, in.Size = 0, 20 // of another plan: there is nobody to send it to here
	_, err = send(in)
	require.Error(t, err)
}

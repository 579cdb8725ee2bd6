package steps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

func TestAPartThatIsKeptIsNotSentAgain(t *testing.T) {
	s, _ := metered(t)
	s.Sources = sources.New(sources.Options{})
	kept := ledger.KeptPart{
		UploadID: "upload/truvideo/a", Session: "s1", Fingerprint: "f",
		Part: upload.Part{Number: 2, Offset: 10, Size: 10, ETag: "aa", CRC64: "1"},
	}
	require.NoError(t, s.Ledger.KeepPart(t.Context(), kept))
	in := upload.SendPart{
		Item: upload.Item{UploadID: kept.UploadID, Source: "/nowhere/a.mp4"}, Content: upload.Content{Fingerprint: "f", Size: 20},
		Session: "s1", Part: upload.PartURL{Number: 2}, Offset: 10, Size: 10,
	}
	part, err := s.SendPart(t.Context(), nil, nil, in, nil)
	require.NoError(t, err)
	require.Equal(t, kept.Part, part)

	for name, change := range map[string]func(*upload.SendPart){
		"of another plan":                  func(in *upload.SendPart) { in.Offset, in.Size = 0, 20 },
		"of another session":               func(in *upload.SendPart) { in.Session = "s2" },
		"of another content":               func(in *upload.SendPart) { in.Content.Fingerprint = "g" },
		"one that is to be sent once more": func(in *upload.SendPart) { in.Session = "" },
		"another part":                     func(in *upload.SendPart) { in.Part.Number = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			other := in
			change(&other)
			_, err := s.SendPart(t.Context(), nil, &wire.Caller{}, other, nil)
			require.Error(t, err, "it is sent, for which there is no source here")
		})
	}
}

package following

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestTheEstimateOfAnUploadInParts(t *testing.T) {
	plan := upload.Plan{Size: 2 << 30, PartSize: 64 << 20, Parts: 32}
	require.Equal(t, "tour.mp4: 2.1 GB in 32 parts of 67.1 MB", estimateOf("tour.mp4", plan, 0))
	require.Equal(t, "tour.mp4: 2.1 GB in 32 parts of 67.1 MB, about 21s at this account's last rate of 100.0 MB/s", estimateOf("tour.mp4", plan, 100e6))
}

package shard

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAShardSaysHowFarItIs(t *testing.T) {
	c := &carrier{shard: upload.Shard{Rows: 100}, unsent: 17, processing: make([]*row, 12)}
	require.Equal(t, "29 of 100 rows are left: 17 to send, 12 being processed", Carrier{c}.Words())
	c.resting, c.detached, c.halt = 3, true, "sitoo answered 503"
	require.Equal(t, "29 of 100 rows are left: 17 to send, 12 being processed; others have workflows of their own; "+
		"3 wait for their sources; no more rows begin: sitoo answered 503", Carrier{c}.Words())
}

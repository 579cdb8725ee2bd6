package webhook_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/webhook"
)

// The vector is that of the standard's reference libraries.
func TestTheSignatureIsThatOfTheStandard(t *testing.T) {
	key, err := webhook.ParseKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	header := http.Header{}
	webhook.Head(header, key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 999), []byte(`{"test": 2432232314}`))
	require.Equal(t, http.Header{
		"Content-Type":      {"application/json"},
		"Webhook-Id":        {"msg_p5jXN8AQM9LWM0D4loKWxJek"},
		"Webhook-Timestamp": {"1614265330"},
		"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	}, header)
}

func TestWithoutAKeyNothingIsSigned(t *testing.T) {
	header := http.Header{}
	webhook.Head(header, nil, "msg_1", time.Unix(1, 0), []byte(`{}`))
	require.NotContains(t, header, "Webhook-Signature")
	require.Equal(t, "msg_1", header.Get("Webhook-Id"))
}

func TestKeysHaveTheFormOfTheStandard(t *testing.T) {
	of := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for text, right := range map[string]bool{
		of(24): true, of(32): true, of(64): true, of(23): false, of(65): false,
		"": false, "whsec_": false, "hunter2": false, strings.TrimPrefix(of(32), "whsec_"): true, "whsec_!!!": false,
	} {
		_, err := webhook.ParseKey(text)
		require.Equal(t, right, err == nil, text)
		if err != nil && text != "" && text != "whsec_" {
			require.NotContains(t, err.Error(), text, "it may be a secret")
		}
	}
}

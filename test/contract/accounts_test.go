package contract

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// each runs a test with each vendor.
func each(t *testing.T, test func(*testing.T, string)) {
	for _, vendor := range vendors.Names() {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			test(t, vendor)
		})
	}
}

func TestNewCredentialsGoOnWithoutARestart(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		w.revoke()
		w.operate = w.rotate
		item := w.item("a")
		ended := w.run(item)
		require.Equal(t, upload.StateReady, ended.result.State)
		require.Len(t, w.pauses, 1)
		w.verifyPause(w.pauses[0])
		require.Equal(t, upload.StatePreparing, w.pauses[0].status.Result.State)
		w.verifyMedia(item, ended, 1)
		w.verifySecrets(ended)
	})
}

func TestAKeyThatIsReplacedWhileItIsRefusedPausesNothing(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		w.revoke()
		w.waited = w.rotate
		item := w.item("a")
		ended := w.run(item)
		require.Equal(t, upload.StateReady, ended.result.State)
		require.Empty(t, w.pauses)
		w.verifyMedia(item, ended, 1)
	})
}

func TestAMissingPermissionIsGivenAndTheUploadGoesOn(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		require.NoError(t, w.sandbox.SetCredential(vendor, "default", sandbox.CredentialForbidden))
		w.operate = func() {
			require.NoError(t, w.sandbox.SetCredential(vendor, "default", sandbox.CredentialActive))
		}
		item := w.item("a")
		ended := w.run(item)
		require.Equal(t, upload.StateReady, ended.result.State)
		require.Len(t, w.pauses, 1)
		w.verifyMedia(item, ended, 1)
		require.Empty(t, w.sandbox.Ledger().Violations)
	})
}

func TestAnAccountThatAPersonPausedMakesNoRequest(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		_, err := w.ledger.PauseAccount(t.Context(), vendor, "stocktaking", "operator")
		require.NoError(t, err)
		w.operate = func() { require.Empty(t, w.sandbox.Requests(vendor)) }
		item := w.item("a")
		w.verify(item, w.run(item), want{state: upload.StateReady, requests: suites[vendor].usual, media: 1, pauses: 1})
		require.Contains(t, w.pauses[0].account.Because, "stocktaking")
	})
}

func TestAnUploadIsCanceledWhileItsAccountIsPaused(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		w.revoke()
		item := w.item("a")
		w.operate = func() { w.env.CancelWorkflowByID(item.UploadID, "") }
		ended := w.run(item)
		require.Error(t, ended.err)
		entry, err := w.ledger.Get(t.Context(), item.UploadID)
		require.NoError(t, err)
		require.Equal(t, upload.StateCanceled, entry.Result.State)
		require.Empty(t, w.visible())
	})
}

func TestWhatAVendorRepeatsOfOurCredentialsIsNotPassedOn(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		for _, c := range suites[vendor].calls {
			if c.arrange != nil {
				continue
			}
			for _, status := range []int{401, 422, 503} {
				t.Run(fmt.Sprintf("%s %d", c.name, status), func(t *testing.T) {
					w := newWorld(t, vendor, nil)
					w.planted = []string{"0a1b2c3d4e5f", "5f4e3d2c1b0a"}
					words := []string{"refused:", "https://storage/key?X-Amz-Signature=0a1b2c3d4e5f", "Signature=5f4e3d2c1b0a"}
					if c.name == suites[vendor].calls[0].name || c.step != upload.StepTransfer || vendor == "closient" {
						words = append(words, w.used()...) // storage never saw them
					}
					w.fault(fmt.Sprintf("%s.%s#1=status=%d,message=%q", vendor, c.name, status, strings.Join(words, " ")))
					w.verifySecrets(w.run(w.item("a")))
				})
			}
		}
	})
}

func TestTheFleetLeavesAnAccountAloneForAsLongAsItsVendorAsks(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		first := suites[vendor].calls[0]
		if first.arrange != nil {
			first = suites[vendor].calls[1]
		}
		w.fault(fmt.Sprintf("%s.%s#1=status=429,retry-after=600", vendor, first.name))
		item := w.item("a")
		ended := w.run(item)
		w.verify(item, ended, want{
			state: upload.StateReady, requests: suites[vendor].usual.plus(requests{first.name: 1}),
			attempts: &w.suite.attempts, media: 1,
		})
		require.GreaterOrEqual(t, w.took(), 10*time.Minute)
	})
}

// used are the secrets that the account has.
func (w *world) used() (secrets []string) {
	account, err := w.Account(w.vendor)
	require.NoError(w.t, err)
	vendor, err := vendors.Find(w.vendor)
	require.NoError(w.t, err)
	for _, setting := range vendor.Spec().Settings {
		if setting.Secret && account.Settings[setting.Name] != "" {
			secrets = append(secrets, account.Settings[setting.Name])
		}
	}
	return secrets
}

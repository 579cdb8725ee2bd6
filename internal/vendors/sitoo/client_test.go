package sitoo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

var (
	bearer = map[string]string{"token": wiretest.Canary + "-token"}
	basic  = map[string]string{"auth": "basic", "api_id": "10020-140", "password": wiretest.Canary + "-pass"}
)

const entity = "1RT823V93|SKU-001|DAMAGED|51076f94"

func item() upload.Item { return wiretest.Item("sitoo", upload.Fields{"entity_id": entity}) }

func prepareCall(r *wiretest.Rig) error {
	_, err := Client{}.Prepare(r.Ctx, r.Caller, upload.Prepare{Item: item(), Content: wiretest.JPEG()})
	return err
}

func pollCall(r *wiretest.Rig) error {
	_, err := Client{}.Poll(r.Ctx, r.Caller, upload.Poll{Session: upload.Session{ID: "0b9e", OpenedAt: wiretest.Noon.Add(-time.Minute)}})
	return err
}

func grantOf(more string) string {
	return `{"file_id":"0b9e","upload_url":"https://media-bucket.s3.eu-west-1.amazonaws.com/","fields":{` +
		`"x-amz-signature":"` + wiretest.Canary + `","policy":"eyJ","key":"uploads/10020/0b9e","Content-Type":"image/jpeg","x-amz-date":"20260101T000000Z","empty":""}` + more + `}`
}

func TestSitooMakesAFormOfItsFieldsUnchanged(t *testing.T) {
	for name, settings := range map[string]struct {
		settings map[string]string
		login    string
	}{
		"with a bearer token":                         {bearer, "Bearer " + wiretest.Canary + "-token"},
		"with a bearer token that is chosen":          {map[string]string{"auth": "bearer", "token": "t", "api_id": "a", "password": "p"}, "Bearer t"},
		"with basic authentication, which the ID and": {basic, "Basic MTAwMjAtMTQwOmM0bjRyeS1wYXNz"},
	} {
		t.Run(name, func(t *testing.T) {
			r := wiretest.New(t, sitoo, settings.settings).On(wiretest.Exchange{
				Ask: "POST /base/v1/media/upload-url", Header: map[string]string{"Authorization": settings.login},
				Body:   `{"file_name":"damage.jpg","content_type":"image/jpeg","entity_type":"shipment_item","entity_id":"` + entity + `"}`,
				Answer: grantOf(fmt.Sprintf(`,"upload_expires_at":%d`, wiretest.Noon.Add(10*time.Minute).Unix())),
			})
			in := upload.Prepare{Item: item(), Content: wiretest.JPEG()}
			in.Item.Fields["file_name"] = "damage.jpg"
			session, err := Client{}.Prepare(t.Context(), r.Caller, in)
			require.NoError(t, err)
			require.Equal(t, upload.Session{
				Method: upload.MethodForm, Store: upload.StoreS3, ID: "0b9e",
				URL: "https://media-bucket.s3.eu-west-1.amazonaws.com/",
				Form: []upload.FormField{
					{Name: "Content-Type", Value: "image/jpeg"},
					{Name: "empty", Value: ""},
					{Name: "key", Value: "uploads/10020/0b9e"},
					{Name: "policy", Value: "eyJ"},
					{Name: "x-amz-date", Value: "20260101T000000Z"},
					{Name: "x-amz-signature", Value: wiretest.Canary},
				},
				File:      upload.FormFile{Field: "file", Name: "damage.jpg", Type: "image/jpeg"},
				ExpiresAt: wiretest.Noon.Add(10 * time.Minute), Life: 10 * time.Minute, OpenedAt: wiretest.Noon,
				Media: upload.Media{ID: "0b9e"},
			}, session)
			require.Equal(t, 1, r.Permits.Taken)
		})
	}
}

func TestSitoosEntityTypeIsTheRows(t *testing.T) {
	r := wiretest.New(t, sitoo, bearer).On(wiretest.Exchange{
		Body:   `{"file_name":"photo.jpg","content_type":"image/jpeg","entity_type":"other","entity_id":"e"}`,
		Answer: grantOf(""),
	})
	_, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("sitoo", upload.Fields{"entity_id": "e", "entity_type": "other"}), Content: wiretest.JPEG()})
	require.NoError(t, err)
}

func TestSitoosFormEndsOnOurClock(t *testing.T) {
	at := func(name string, after time.Duration) string {
		return fmt.Sprintf(`,%q:%d`, name, wiretest.Noon.Add(after).Unix())
	}
	for _, c := range []struct {
		name, more string
		date, want time.Duration
	}{
		{"by its own name", at("upload_expires_at", 10*time.Minute), 0, 10 * time.Minute},
		{"by the other name (SI-2)", at("expires_at", 5*time.Minute), 0, 5 * time.Minute},
		{"by its own name where there are both", at("upload_expires_at", 10*time.Minute) + at("expires_at", time.Hour), 0, 10 * time.Minute},
		{"after fifteen minutes where nobody says", "", 0, 15 * time.Minute},
		{"after fifteen minutes where nobody says, whatever the vendor's clock", "", time.Hour, 15 * time.Minute},
		{"earlier, where the vendor's clock is ahead", at("upload_expires_at", 10*time.Minute), 4 * time.Minute, 6 * time.Minute},
		{"after fifteen minutes where the vendor's clock says that it is over", at("upload_expires_at", 15*time.Minute), 20 * time.Minute, 15 * time.Minute},
		{"after fifteen minutes where it was over on arrival", at("upload_expires_at", -5*time.Minute), 0, 15 * time.Minute},
		{"later, where it is behind", at("upload_expires_at", 10*time.Minute), -4 * time.Minute, 14 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := wiretest.New(t, sitoo, bearer).On(wiretest.Exchange{Loose: true, Date: c.date, Answer: grantOf(c.more)})
			session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: item(), Content: wiretest.JPEG()})
			require.NoError(t, err)
			require.Equal(t, wiretest.Noon.Add(c.want), session.ExpiresAt)
			require.Equal(t, c.want, session.Life)
			require.Equal(t, wiretest.Noon.Add(c.date), session.OpenedAt, "on the vendor's clock")
		})
	}
}

func TestSitoosStates(t *testing.T) {
	for status, want := range map[string]upload.State{
		"uploading": upload.StateProcessing, "uploaded": upload.StateProcessing, "processing": upload.StateProcessing,
		"ready": upload.StateReady, "failed": upload.StateFailed, "READY": upload.StateReady, "Failed": upload.StateFailed, "Uploading": upload.StateProcessing,
	} {
		t.Run(status, func(t *testing.T) {
			r := wiretest.New(t, sitoo, bearer).On(wiretest.Exchange{
				Ask: "GET /base/v1/media/0b9e%2F1", Header: map[string]string{"Authorization": "Bearer " + wiretest.Canary + "-token"},
				Answer: `{"file_id":"0b9e/1","status":"` + status + `","file_size":7,"download_url":"https://d111.cloudfront.net/x?Signature=` + wiretest.Canary + `"}`,
			})
			media, err := Client{}.Poll(t.Context(), r.Caller, upload.Poll{Session: upload.Session{ID: "0b9e/1"}, Content: wiretest.JPEG()})
			require.NoError(t, err)
			require.Equal(t, want, media.State)
			require.Equal(t, strings.ToLower(status), media.Seen)
			require.Equal(t, "0b9e/1", media.ID)
			require.Empty(t, media.URL, "it is signed, and lives an hour")
			require.Equal(t, want == upload.StateFailed, media.Reason != "")
			wiretest.Secretless(t, media)
		})
	}
}

// Contract 5.8.
func TestWhatSitooRefuses(t *testing.T) {
	said := func(code, message string) string {
		return `{"error_code":"` + code + `","error_data":{"message":"` + message + `"},"request_id":"f47ac10b"}`
	}
	young := func(age time.Duration) func(r *wiretest.Rig) error {
		return func(r *wiretest.Rig) error {
			_, err := Client{}.Poll(r.Ctx, r.Caller, upload.Poll{Session: upload.Session{ID: "0b9e", OpenedAt: wiretest.Noon.Add(-age)}})
			return err
		}
	}
	asked := func(there, here time.Duration) func(r *wiretest.Rig) error { // so long ago, by the vendor's clock and by ours
		const life = 15 * time.Minute
		return func(r *wiretest.Rig) error {
			session := upload.Session{ID: "0b9e", OpenedAt: wiretest.Noon.Add(-there), ExpiresAt: wiretest.Noon.Add(life - here), Life: life}
			_, err := Client{}.Poll(r.Ctx, r.Caller, upload.Poll{Session: session})
			return err
		}
	}
	rows := []wiretest.Refusal{}
	for name, call := range map[string]func(*wiretest.Rig) error{"upload-url": prepareCall, "media": pollCall} {
		rows = append(rows,
			wiretest.Refusal{
				Name: name + " 400 is final", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(400, said("INVALID_REQUEST", "Invalid request parameters"))},
				Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Code: "INVALID_REQUEST", Request: "f47ac10b", Text: name + " answered 400: Invalid request parameters",
			},
			wiretest.Refusal{
				Name: name + " 401 stops the account", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(401, said("ACCESS_DENIED", "bad "+wiretest.Canary+"-token"))},
				Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401, Code: "ACCESS_DENIED", Request: "f47ac10b", Text: "bad [redacted]",
			},
			wiretest.Refusal{
				Name: name + " 403 stops the account", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(403, said("ACCESS_DENIED", "no"))},
				Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 403, Code: "ACCESS_DENIED", Request: "f47ac10b",
			},
			wiretest.Refusal{
				Name: name + " 409 is worth one repetition after two seconds", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(409, "")},
				Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 409, Wait: 2 * time.Second,
			},
			wiretest.Refusal{
				Name: name + " 409 is worth one repetition when it says so", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(409, "").Saying("Retry-After", "5")},
				Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 409, Wait: 5 * time.Second,
			},
			wiretest.Refusal{
				Name: name + " 429 waits as it is told", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(429, "").Saying("Retry-After", "5")},
				Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Wait: 5 * time.Second,
			},
			wiretest.Refusal{
				Name: name + " 500 may pass", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(500, said("INTERNAL_ERROR", "x"))},
				Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 500, Code: "INTERNAL_ERROR", Request: "f47ac10b",
			},
			wiretest.Refusal{
				Name: name + " with an empty answer may pass", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(200, "")},
				Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200,
			},
			wiretest.Refusal{
				Name: name + " with a page for an answer may pass", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(200, "<html>")},
				Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200,
			},
			wiretest.Refusal{
				Name: name + " with the request's name in a header", Call: call, Script: []wiretest.Exchange{wiretest.Refuse(400, "<html>").Saying("X-Request-Id", "hdr-1")},
				Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Request: "hdr-1", Text: "bad request",
			},
		)
	}
	for said, text := range map[string]string{
		`{"error_code":"INVALID_REQUEST","error_data":"file_name is missing"}`:                           "upload-url answered 400: file_name is missing",
		`{"error_code":"INVALID_REQUEST","error_data":{"message":{"file_name":"missing"}}}`:              `upload-url answered 400: {"file_name":"missing"}`,
		`{"error_code":"INVALID_REQUEST","error_data":["file_name is missing","content_type is wrong"]}`: "upload-url answered 400: file_name is missing; content_type is wrong",
		`{"error_code":"INVALID_REQUEST","error_data":null,"request_id":{}}`:                             "upload-url answered 400: bad request",
	} {
		rows = append(rows, wiretest.Refusal{
			Name: "upload-url 400 says " + said, Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(400, said)},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Code: "INVALID_REQUEST", Text: text,
		})
	}
	rows = append(rows,
		wiretest.Refusal{
			Name: "upload-url 404 is final", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(404, said("FILE_NOT_FOUND", "x"))},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 404, Code: "FILE_NOT_FOUND", Request: "f47ac10b",
		},
		wiretest.Refusal{
			Name: "media 404 of a file that is young may pass", Call: young(9 * time.Second), Script: []wiretest.Exchange{wiretest.Refuse(404, said("FILE_NOT_FOUND", "x"))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 404, Code: "FILE_NOT_FOUND", Request: "f47ac10b", Wait: 2 * time.Second,
		},
		wiretest.Refusal{
			Name: "media 404 of a file that was made this moment may pass soon", Call: young(0), Script: []wiretest.Exchange{wiretest.Refuse(404, "")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 404, Wait: time.Second,
		},
		wiretest.Refusal{
			Name: "media 404 of a file that is young waits as it is told", Call: young(3 * time.Second), Script: []wiretest.Exchange{wiretest.Refuse(404, "").Saying("Retry-After", "5")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 404, Wait: 5 * time.Second,
		},
		wiretest.Refusal{
			Name: "media 404 of a file that is young by our clock may pass, whatever the Date says", Call: asked(3*time.Second, 3*time.Second), Script: []wiretest.Exchange{{Loose: true, Status: 404, Date: 20 * time.Minute}},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 404, Wait: 4 * time.Second,
		},
		wiretest.Refusal{
			Name: "media 404 of a file that is young by our clock may pass, whatever its form's Date said", Call: asked(20*time.Minute, 3*time.Second), Script: []wiretest.Exchange{wiretest.Refuse(404, "")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 404, Wait: 4 * time.Second,
		},
		wiretest.Refusal{
			Name: "media 404 of a file whose form took long to come may pass", Call: asked(3*time.Second, 15*time.Second), Script: []wiretest.Exchange{wiretest.Refuse(404, "")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 404, Wait: 4 * time.Second,
		},
		wiretest.Refusal{
			Name: "media 404 of a file that is old by both clocks: it is lost", Call: asked(12*time.Second, 12*time.Second), Script: []wiretest.Exchange{wiretest.Refuse(404, "")},
			Kind: upload.KindExpired, Lost: true, Arrived: upload.ArrivedNothing, Status: 404,
		},
		wiretest.Refusal{
			Name: "media 404 of a file whose form's Date was ahead, and that is old by our clock: it is lost", Call: asked(-20*time.Minute, 12*time.Second), Script: []wiretest.Exchange{wiretest.Refuse(404, "")},
			Kind: upload.KindExpired, Lost: true, Arrived: upload.ArrivedNothing, Status: 404,
		},
		wiretest.Refusal{
			Name: "media 404 of a file that is young by the vendor's clock may pass", Call: young(time.Hour + 9*time.Second), Script: []wiretest.Exchange{{Loose: true, Status: 404, Date: -time.Hour}},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 404, Wait: 2 * time.Second,
		},
		wiretest.Refusal{
			Name: "media 404 of a file that is old: it is lost", Call: young(10 * time.Second), Script: []wiretest.Exchange{wiretest.Refuse(404, said("FILE_NOT_FOUND", "x"))},
			Kind: upload.KindExpired, Lost: true, Arrived: upload.ArrivedNothing, Status: 404, Code: "FILE_NOT_FOUND", Request: "f47ac10b",
		},
		wiretest.Refusal{
			Name: "media without a status may pass", Call: pollCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"file_id":"0b9e"}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without status",
		},
		wiretest.Refusal{
			Name: "a form without its key may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"file_id":"f","upload_url":"https://s3/","fields":{"policy":"x"}}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without fields.key",
		},
		wiretest.Refusal{
			Name: "a form without its URL may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"file_id":"f","fields":{"key":"x"}}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without upload_url",
		},
		wiretest.Refusal{
			Name: "a form without its file may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"upload_url":"https://s3/","fields":{"key":"x"}}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without file_id",
		},
	)
	wiretest.CheckRefusals(t, sitoo, bearer, rows)
}

func TestABasicPasswordIsHiddenToo(t *testing.T) {
	r := wiretest.New(t, sitoo, basic).On(wiretest.Refuse(401, `{"error_data":{"message":"MTAwMjAtMTQwOmM0bjRyeS1wYXNz is wrong, c4n4ry-pass too"}}`))
	require.Equal(t, "upload-url answered 401: [redacted] is wrong, [redacted] too", r.Failed(prepareCall(r)).Message)
}

func TestNoSitooCallIsMadeWithoutAPermitOrLostWithoutAWord(t *testing.T) {
	wiretest.CheckCalls(t, sitoo, map[string]wiretest.ControlCall{
		"upload-url": {Settings: bearer, Call: prepareCall},
		"media":      {Settings: bearer, Call: pollCall},
	})
}

func TestSecretSettingsAreMarkedAsSuch(t *testing.T) {
	require.Equal(t, []string{"token", "password"}, wiretest.SecretSettings(sitoo))
}

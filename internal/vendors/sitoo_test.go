package vendors

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

var (
	sitooBearer = map[string]string{"token": canary + "-token"}
	sitooBasic  = map[string]string{"auth": "basic", "api_id": "10020-140", "password": canary + "-pass"}
)

const sitooEntity = "1RT823V93|SKU-001|DAMAGED|51076f94"

func sitooItem() upload.Item { return item("sitoo", upload.Fields{"entity_id": sitooEntity}) }

func sitooPrepareCall(r *rig) error {
	_, err := Sitoo{}.Prepare(r.ctx, r.caller, upload.Prepare{Item: sitooItem(), Content: jpeg()})
	return err
}

func sitooPollCall(r *rig) error {
	_, err := Sitoo{}.Poll(r.ctx, r.caller, upload.Poll{Session: upload.Session{ID: "0b9e", OpenedAt: noon.Add(-time.Minute)}})
	return err
}

func sitooGrantOf(more string) string {
	return `{"file_id":"0b9e","upload_url":"https://media-bucket.s3.eu-west-1.amazonaws.com/","fields":{` +
		`"x-amz-signature":"` + canary + `","policy":"eyJ","key":"uploads/10020/0b9e","Content-Type":"image/jpeg","x-amz-date":"20260101T000000Z","empty":""}` + more + `}`
}

func TestSitooMakesAFormOfItsFieldsUnchanged(t *testing.T) {
	for name, settings := range map[string]struct {
		settings map[string]string
		login    string
	}{
		"with a bearer token":                         {sitooBearer, "Bearer " + canary + "-token"},
		"with a bearer token that is chosen":          {map[string]string{"auth": "bearer", "token": "t", "api_id": "a", "password": "p"}, "Bearer t"},
		"with basic authentication, which the ID and": {sitooBasic, "Basic MTAwMjAtMTQwOmM0bjRyeS1wYXNz"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "sitoo", settings.settings).on(exchange{
				ask: "POST /base/v1/media/upload-url", header: map[string]string{"Authorization": settings.login},
				body:   `{"file_name":"damage.jpg","content_type":"image/jpeg","entity_type":"shipment_item","entity_id":"` + sitooEntity + `"}`,
				answer: sitooGrantOf(fmt.Sprintf(`,"upload_expires_at":%d`, noon.Add(10*time.Minute).Unix())),
			})
			in := upload.Prepare{Item: sitooItem(), Content: jpeg()}
			in.Item.Fields["file_name"] = "damage.jpg"
			session, err := Sitoo{}.Prepare(t.Context(), r.caller, in)
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
					{Name: "x-amz-signature", Value: canary},
				},
				File:      upload.FormFile{Field: "file", Name: "damage.jpg", Type: "image/jpeg"},
				ExpiresAt: noon.Add(10 * time.Minute), Life: 10 * time.Minute, OpenedAt: noon,
				Media: upload.Media{ID: "0b9e"},
			}, session)
			require.Equal(t, 1, r.permits.taken)
		})
	}
}

func TestSitoosEntityTypeIsTheRows(t *testing.T) {
	r := newRig(t, "sitoo", sitooBearer).on(exchange{
		body:   `{"file_name":"photo.jpg","content_type":"image/jpeg","entity_type":"other","entity_id":"e"}`,
		answer: sitooGrantOf(""),
	})
	_, err := Sitoo{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: item("sitoo", upload.Fields{"entity_id": "e", "entity_type": "other"}), Content: jpeg()})
	require.NoError(t, err)
}

func TestSitoosFormEndsOnOurClock(t *testing.T) {
	at := func(name string, after time.Duration) string {
		return fmt.Sprintf(`,%q:%d`, name, noon.Add(after).Unix())
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
			r := newRig(t, "sitoo", sitooBearer).on(exchange{loose: true, date: c.date, answer: sitooGrantOf(c.more)})
			session, err := Sitoo{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: sitooItem(), Content: jpeg()})
			require.NoError(t, err)
			require.Equal(t, noon.Add(c.want), session.ExpiresAt)
			require.Equal(t, c.want, session.Life)
			require.Equal(t, noon.Add(c.date), session.OpenedAt, "on the vendor's clock")
		})
	}
}

func TestSitoosStates(t *testing.T) {
	for status, want := range map[string]upload.State{
		"uploading": upload.StateProcessing, "uploaded": upload.StateProcessing, "processing": upload.StateProcessing,
		"ready": upload.StateReady, "failed": upload.StateFailed,
	} {
		t.Run(status, func(t *testing.T) {
			r := newRig(t, "sitoo", sitooBearer).on(exchange{
				ask: "GET /base/v1/media/0b9e%2F1", header: map[string]string{"Authorization": "Bearer " + canary + "-token"},
				answer: `{"file_id":"0b9e/1","status":"` + status + `","file_size":7,"download_url":"https://d111.cloudfront.net/x?Signature=` + canary + `"}`,
			})
			media, err := Sitoo{}.Poll(t.Context(), r.caller, upload.Poll{Session: upload.Session{ID: "0b9e/1"}, Content: jpeg()})
			require.NoError(t, err)
			require.Equal(t, want, media.State)
			require.Equal(t, status, media.Seen)
			require.Equal(t, "0b9e/1", media.ID)
			require.Empty(t, media.URL, "it is signed, and lives an hour")
			require.Equal(t, want == upload.StateFailed, media.Reason != "")
			secretless(t, media)
		})
	}
}

// Contract 5.8.
func TestWhatSitooRefuses(t *testing.T) {
	said := func(code, message string) string {
		return `{"error_code":"` + code + `","error_data":{"message":"` + message + `"},"request_id":"f47ac10b"}`
	}
	young := func(age time.Duration) func(r *rig) error {
		return func(r *rig) error {
			_, err := Sitoo{}.Poll(r.ctx, r.caller, upload.Poll{Session: upload.Session{ID: "0b9e", OpenedAt: noon.Add(-age)}})
			return err
		}
	}
	asked := func(there, here time.Duration) func(r *rig) error { // so long ago, by the vendor's clock and by ours
		const life = 15 * time.Minute
		return func(r *rig) error {
			session := upload.Session{ID: "0b9e", OpenedAt: noon.Add(-there), ExpiresAt: noon.Add(life - here), Life: life}
			_, err := Sitoo{}.Poll(r.ctx, r.caller, upload.Poll{Session: session})
			return err
		}
	}
	rows := []refusal{}
	for name, call := range map[string]func(*rig) error{"upload-url": sitooPrepareCall, "media": sitooPollCall} {
		rows = append(rows,
			refusal{
				name: name + " 400 is final", call: call, script: []exchange{refuse(400, said("INVALID_REQUEST", "Invalid request parameters"))},
				kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 400, code: "INVALID_REQUEST", request: "f47ac10b", text: name + " answered 400: Invalid request parameters",
			},
			refusal{
				name: name + " 401 stops the account", call: call, script: []exchange{refuse(401, said("ACCESS_DENIED", "bad "+canary+"-token"))},
				kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 401, code: "ACCESS_DENIED", request: "f47ac10b", text: "bad [redacted]",
			},
			refusal{
				name: name + " 403 stops the account", call: call, script: []exchange{refuse(403, said("ACCESS_DENIED", "no"))},
				kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 403, code: "ACCESS_DENIED", request: "f47ac10b",
			},
			refusal{
				name: name + " 409 is worth one repetition after two seconds", call: call, script: []exchange{refuse(409, "")},
				kind: upload.KindUnavailable, then: upload.KindRejected, arrived: upload.ArrivedNothing, status: 409, wait: 2 * time.Second,
			},
			refusal{
				name: name + " 409 is worth one repetition when it says so", call: call, script: []exchange{refuse(409, "").saying("Retry-After", "5")},
				kind: upload.KindUnavailable, then: upload.KindRejected, arrived: upload.ArrivedNothing, status: 409, wait: 5 * time.Second,
			},
			refusal{
				name: name + " 429 waits as it is told", call: call, script: []exchange{refuse(429, "").saying("Retry-After", "5")},
				kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, wait: 5 * time.Second,
			},
			refusal{
				name: name + " 500 may pass", call: call, script: []exchange{refuse(500, said("INTERNAL_ERROR", "x"))},
				kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 500, code: "INTERNAL_ERROR", request: "f47ac10b",
			},
			refusal{
				name: name + " with an empty answer may pass", call: call, script: []exchange{refuse(200, "")},
				kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
			},
			refusal{
				name: name + " with a page for an answer may pass", call: call, script: []exchange{refuse(200, "<html>")},
				kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
			},
			refusal{
				name: name + " with the request's name in a header", call: call, script: []exchange{refuse(400, "<html>").saying("X-Request-Id", "hdr-1")},
				kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 400, request: "hdr-1", text: "bad request",
			},
		)
	}
	rows = append(rows,
		refusal{
			name: "upload-url 404 is final", call: sitooPrepareCall, script: []exchange{refuse(404, said("FILE_NOT_FOUND", "x"))},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 404, code: "FILE_NOT_FOUND", request: "f47ac10b",
		},
		refusal{
			name: "media 404 of a file that is young may pass", call: young(9 * time.Second), script: []exchange{refuse(404, said("FILE_NOT_FOUND", "x"))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 404, code: "FILE_NOT_FOUND", request: "f47ac10b", wait: 2 * time.Second,
		},
		refusal{
			name: "media 404 of a file that was made this moment may pass soon", call: young(0), script: []exchange{refuse(404, "")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 404, wait: time.Second,
		},
		refusal{
			name: "media 404 of a file that is young waits as it is told", call: young(3 * time.Second), script: []exchange{refuse(404, "").saying("Retry-After", "5")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 404, wait: 5 * time.Second,
		},
		refusal{
			name: "media 404 of a file that is young by our clock may pass, whatever the Date says", call: asked(3*time.Second, 3*time.Second), script: []exchange{{loose: true, status: 404, date: 20 * time.Minute}},
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 404, wait: 4 * time.Second,
		},
		refusal{
			name: "media 404 of a file that is young by our clock may pass, whatever its form's Date said", call: asked(20*time.Minute, 3*time.Second), script: []exchange{refuse(404, "")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 404, wait: 4 * time.Second,
		},
		refusal{
			name: "media 404 of a file whose form took long to come may pass", call: asked(3*time.Second, 15*time.Second), script: []exchange{refuse(404, "")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 404, wait: 4 * time.Second,
		},
		refusal{
			name: "media 404 of a file that is old by both clocks: it is lost", call: asked(12*time.Second, 12*time.Second), script: []exchange{refuse(404, "")},
			kind: upload.KindExpired, lost: true, arrived: upload.ArrivedNothing, status: 404,
		},
		refusal{
			name: "media 404 of a file whose form's Date was ahead, and that is old by our clock: it is lost", call: asked(-20*time.Minute, 12*time.Second), script: []exchange{refuse(404, "")},
			kind: upload.KindExpired, lost: true, arrived: upload.ArrivedNothing, status: 404,
		},
		refusal{
			name: "media 404 of a file that is young by the vendor's clock may pass", call: young(time.Hour + 9*time.Second), script: []exchange{{loose: true, status: 404, date: -time.Hour}},
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 404, wait: 2 * time.Second,
		},
		refusal{
			name: "media 404 of a file that is old: it is lost", call: young(10 * time.Second), script: []exchange{refuse(404, said("FILE_NOT_FOUND", "x"))},
			kind: upload.KindExpired, lost: true, arrived: upload.ArrivedNothing, status: 404, code: "FILE_NOT_FOUND", request: "f47ac10b",
		},
		refusal{
			name: "media without a status may pass", call: sitooPollCall, script: []exchange{refuse(200, `{"file_id":"0b9e"}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: `unknown status ""`,
		},
		refusal{
			name: "media with an unknown status may pass", call: sitooPollCall, script: []exchange{refuse(200, `{"status":"archived"}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: `unknown status "archived"`,
		},
		refusal{
			name: "a form without its key may pass", call: sitooPrepareCall, script: []exchange{refuse(200, `{"file_id":"f","upload_url":"https://s3/","fields":{"policy":"x"}}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no file_id, upload_url or key",
		},
		refusal{
			name: "a form without its URL may pass", call: sitooPrepareCall, script: []exchange{refuse(200, `{"file_id":"f","fields":{"key":"x"}}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no file_id, upload_url or key",
		},
		refusal{
			name: "a form without its file may pass", call: sitooPrepareCall, script: []exchange{refuse(200, `{"upload_url":"https://s3/","fields":{"key":"x"}}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no file_id, upload_url or key",
		},
	)
	checkRefusals(t, "sitoo", sitooBearer, rows)
}

func TestABasicPasswordIsHiddenToo(t *testing.T) {
	r := newRig(t, "sitoo", sitooBasic).on(refuse(401, `{"error_data":{"message":"MTAwMjAtMTQwOmM0bjRyeS1wYXNz is wrong, c4n4ry-pass too"}}`))
	require.Equal(t, "upload-url answered 401: [redacted] is wrong, [redacted] too", r.failed(sitooPrepareCall(r)).Message)
}

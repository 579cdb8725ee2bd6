package front

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	token  = "the-token-of-the-data-folder"
	viewer = "the-token-of-the-viewer"
	home   = "http://127.0.0.1:8233"
)

// world is a front before a web UI that notes what it is asked.
type world struct {
	t     *testing.T
	front *Front
	asked []*http.Request
	now   time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Now()}
	ui := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked = append(w.asked, r)
		rw.Header().Set("Set-Cookie", "_csrf=of-the-ui")
		rw.Header().Set("Access-Control-Allow-Origin", "*")
		switch {
		case strings.HasSuffix(r.URL.Path, "/settings"):
			rw.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(rw, `{"Codec":{"Endpoint":"http://elsewhere.example"},"Version":"2"}`)
		case strings.HasSuffix(r.URL.Path, "/render"):
			rw.Header().Set("Content-Type", "text/html")
			rw.Header().Set("Content-Security-Policy", "sandbox")
		default:
			rw.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(rw, "<html><script>start()</script><script src=x></script></html>")
		}
	}))
	t.Cleanup(ui.Close)
	var err error
	w.front, err = New(Options{
		URL: home, Token: token, Viewer: viewer, Where: "in a file", Now: func() time.Time { return w.now },
		Temporal: Upstream{URL: ui.URL, Token: "of-the-engine", Dial: (&net.Dialer{}).DialContext},
		Codec:    http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(rw, "decoded "+r.URL.Path) }),
	})
	require.NoError(t, err)
	return w
}

// browser is one that has the cookies of what it was answered.
type browser struct {
	*world
	cookies map[string]*http.Cookie
	agent   string
}

func (w *world) browser() *browser {
	return &browser{world: w, cookies: map[string]*http.Cookie{}, agent: "curl/8"}
}

func (b *browser) send(method, address string, header map[string]string, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = home + address
	}
	r := httptest.NewRequest(method, address, strings.NewReader(body))
	r.Header.Set("User-Agent", b.agent)
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	b.front.ServeHTTP(answer, r)
	for _, c := range answer.Result().Cookies() {
		b.cookies[c.Name] = c
	}
	return answer
}

func (b *browser) get(address string) *httptest.ResponseRecorder {
	return b.send(http.MethodGet, address, nil, "")
}

// login follows a fresh link.
func (b *browser) login() {
	b.t.Helper()
	b.now = b.now.Add(time.Second)
	answer := b.get(home + "/temporal/?a=1&login=" + seal(derive(token, "login"), b.now, false))
	require.Equal(b.t, http.StatusSeeOther, answer.Code)
	require.Equal(b.t, "/temporal/?a=1", answer.Header().Get("Location"))
}

func TestNobodyIsAnsweredWithoutATokenOrASession(t *testing.T) {
	for _, path := range []string{"/", "/temporal/", "/temporal/api/v1/settings", "/codec/decode", "/nothing"} {
		w := newWorld(t)
		require.Equal(t, http.StatusUnauthorized, w.browser().get(path).Code, path)
		answer := w.browser().send("GET", path, map[string]string{"Accept": "text/html"}, "")
		require.Equal(t, http.StatusUnauthorized, answer.Code)
		require.Contains(t, answer.Body.String(), "Paste the token")
		require.NotContains(t, answer.Body.String(), w.front.private, "the private name is for those who have shown the token")
		require.Empty(t, w.asked)
	}
	require.Equal(t, http.StatusOK, newWorld(t).browser().get("/healthz").Code)
}

func TestAProgramPresentsTheToken(t *testing.T) {
	w := newWorld(t)
	with := func(token string) map[string]string { return map[string]string{"Authorization": "Bearer " + token} }
	answer := w.browser().send("GET", "/temporal/x", with(token), "")
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, "Bearer of-the-engine", w.asked[0].Header.Get("Authorization"), "the web UI is sent the engine's")
	require.Equal(t, http.StatusUnauthorized, w.browser().send("GET", "/temporal/x", with("wrong"), "").Code)
	require.Equal(t, "decoded /decode", w.browser().send("POST", "/codec/decode", with(token), "{}").Body.String())

	require.Equal(t, http.StatusOK, w.browser().send("GET", "/temporal/x", with(viewer), "").Code)
	require.Equal(t, http.StatusForbidden, w.browser().send("POST", "/codec/decode", with(viewer), "{}").Code)
	require.Equal(t, http.StatusForbidden, w.browser().send("POST", cancel, with(viewer), "{}").Code)
	require.Equal(t, http.StatusOK, w.browser().send("POST", cancel, with(token), "{}").Code)
}

const cancel = "/temporal/api/v1/namespaces/default/workflows/x/cancel"

func TestALoginLinkWorksOnce(t *testing.T) {
	w := newWorld(t)
	link := Link(home, "/temporal/", token)
	b := w.browser()
	require.Equal(t, http.StatusSeeOther, b.get(link).Code)
	session := b.cookies[sessionCookie]
	require.True(t, session.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, session.SameSite)
	require.Empty(t, session.Domain)
	require.Equal(t, http.StatusOK, b.get("/temporal/").Code)

	second := w.browser()
	require.Equal(t, http.StatusUnauthorized, second.get(link).Code)
	require.Empty(t, second.cookies)

	old := newWorld(t)
	made := Link(home, "/", token)
	old.now = old.now.Add(25 * time.Hour)
	require.Equal(t, http.StatusUnauthorized, old.browser().get(made).Code, "it has expired")
	require.Equal(t, http.StatusUnauthorized, newWorld(t).browser().get(link).Code, "it was made before this front")
	require.Equal(t, http.StatusUnauthorized, w.browser().get(Link(home, "/", "another token")).Code)
}

func TestABrowserMovesToANameThatNobodyGuesses(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.agent = "Mozilla/5.0 Chrome/140"
	link := Link(home, "/temporal/", token)
	navigate := map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
	answer := b.send("GET", link, navigate, "")
	require.Equal(t, http.StatusSeeOther, answer.Code)
	require.Empty(t, b.cookies, "a cookie of 127.0.0.1 would be sent to every port")
	moved := answer.Header().Get("Location")
	require.True(t, strings.HasPrefix(moved, "http://"+w.front.private+":8233/temporal/?login="), moved)
	answer = b.send("GET", moved, navigate, "")
	require.Equal(t, "/temporal/", answer.Header().Get("Location"))
	require.NotEmpty(t, b.cookies)
	require.Equal(t, http.StatusOK, b.get("http://"+w.front.private+":8233/temporal/").Code)
	require.NotEqual(t, w.front.private, privateName("another token"))

	// With a link that is not good, the name stays unknown.
	answer = w.browser().send("GET", home+"/?login=AAAA", map[string]string{"Sec-Fetch-Mode": "navigate", "User-Agent": b.agent}, "")
	require.Equal(t, http.StatusUnauthorized, answer.Code)
	require.NotContains(t, answer.Body.String()+answer.Header().Get("Location"), w.front.private)
}

func TestThePageTakesTheToken(t *testing.T) {
	w := newWorld(t)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Origin": home}
	b := w.browser()
	answer := b.send("POST", "/login", form, "token=wrong&target=/temporal/")
	require.Equal(t, http.StatusUnauthorized, answer.Code)
	require.Contains(t, answer.Body.String(), "This is not the token.")
	require.Empty(t, b.cookies)
	answer = b.send("POST", "/login", form, url.Values{"token": {" " + token + "\n"}, "target": {"/temporal/x?y=1"}}.Encode())
	require.Equal(t, "/temporal/x?y=1", answer.Header().Get("Location"))
	require.Equal(t, http.StatusOK, b.get("/temporal/").Code)
	for _, target := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, `\\evil.example`, "/login"} {
		answer := w.browser().send("POST", "/login", form, url.Values{"token": {token}, "target": {target}}.Encode())
		require.Regexp(t, `^/[^/\\]*`, answer.Header().Get("Location"), target)
		u, err := url.Parse(answer.Header().Get("Location"))
		require.NoError(t, err)
		require.Empty(t, u.Host, target)
	}
	require.Equal(t, http.StatusForbidden, w.browser().send("POST", "/login", map[string]string{"Origin": "http://evil.example"}, "token="+token).Code)
}

func TestASessionEndsAndIsRenewed(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	first := b.cookies[sessionCookie].Value
	w.now = w.now.Add(13 * time.Hour)
	require.Equal(t, http.StatusOK, b.get("/temporal/").Code)
	require.NotEqual(t, first, b.cookies[sessionCookie].Value)
	w.now = w.now.Add(25 * time.Hour)
	require.Equal(t, http.StatusUnauthorized, b.get("/temporal/").Code)
	for _, forged := range []string{"", "x", first[:len(first)-1], first + "A", seal([]byte("another key"), w.now.Add(time.Hour), false), seal(w.front.sessions.links, w.now.Add(time.Hour), false)} {
		b.cookies[sessionCookie] = &http.Cookie{Name: sessionCookie, Value: forged}
		require.Equal(t, http.StatusUnauthorized, b.get("/temporal/").Code, forged)
	}
}

func TestAPageCannotSendRequestsWithAnothersCookie(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	csrf := b.cookies[csrfCookie].Value
	for _, c := range []struct {
		what   string
		header map[string]string
		want   int
	}{
		{"the UI's own page", map[string]string{"Origin": home, "X-Csrf-Token": csrf}, 200},
		{"without the token of the page", map[string]string{"Origin": home}, 403},
		{"with a wrong one", map[string]string{"Origin": home, "X-Csrf-Token": "x"}, 403},
		{"without an origin", map[string]string{"X-Csrf-Token": csrf}, 403},
		{"a foreign page", map[string]string{"Origin": "http://evil.example", "X-Csrf-Token": csrf}, 403},
		{"a page of another port", map[string]string{"Origin": "http://127.0.0.1:9999", "X-Csrf-Token": csrf}, 403},
		{"a rebound page", map[string]string{"Host": "evil.example:8233", "Origin": "http://evil.example:8233", "X-Csrf-Token": csrf}, 403},
		{"another name below localhost", map[string]string{"Host": "evil.localhost:8233", "Origin": "http://evil.localhost:8233", "X-Csrf-Token": csrf}, 403},
	} {
		require.Equal(t, c.want, b.send("POST", cancel, c.header, "{}").Code, c.what)
	}
	require.Len(t, w.asked, 1)
	require.Empty(t, w.asked[0].Header.Get("Cookie"))
	require.Empty(t, w.asked[0].Header.Get("Origin"))
	require.Equal(t, http.StatusForbidden, b.send("POST", "/codec/decode", nil, "{}").Code)
	require.Equal(t, http.StatusOK, b.send("POST", "/codec/decode", map[string]string{"Origin": home}, "{}").Code)
}

func TestWhatStartsSomethingIsNotPassedOn(t *testing.T) {
	const ns = "/temporal/api/v1/namespaces/default/"
	for path, pass := range map[string]bool{
		"POST " + ns + "workflows/x/terminate":                           true,
		"POST " + ns + "workflows/upload%2Fa%2Fb/signal/pause":           true,
		"POST " + ns + "workflows/x/query/__stack_trace":                 true,
		"POST " + ns + "workflows/x/reset":                               true,
		"POST " + ns + "activities/x/cancel":                             true,
		"POST " + ns + "batch-operations/x":                              true,
		"POST " + ns + "schedules/x/patch":                               true,
		"DELETE " + ns + "schedules/x":                                   true,
		"POST " + ns + "workflows/x":                                     false,
		"POST " + ns + "workflows/x/":                                    false,
		"POST " + ns + "workflows/x/signal-with-start/pause":             false,
		"POST " + ns + "activities/x":                                    false,
		"POST " + ns + "activities/x/complete":                           false,
		"POST " + ns + "workflows/x/activities/y/complete":               false,
		"POST " + ns + "schedules/x":                                     false,
		"POST " + ns + "schedules/x/update":                              false,
		"POST " + ns + "workflow-rules":                                  false,
		"POST " + ns + "nexus-operations/x":                              false,
		"POST /temporal/api/v1/namespaces":                               false,
		"POST /temporal/api/v1/nexus/endpoints":                          false,
		"PUT " + ns + "workflows/x/terminate":                            false,
		"PATCH " + ns + "workflows/x":                                    false,
		"POST " + ns + "workflows/x%2Fterminate":                         false,
		"POST " + ns + "workflows/x/../y":                                false,
		"POST " + ns + "workflows/x/terminate/../../y":                   false,
		"POST /temporal/temporal/api/v1/namespaces/default/workflows/x":  false,
		"POST /temporal//api/v1/namespaces/default/workflows/x":          false,
		"POST " + ns + "%77orkflows/x":                                   false,
		"POST /temporal/API/v1/namespaces/default/workflows/x/terminate": false,
		"CONNECT " + ns + "workflows/x/terminate":                        false,
	} {
		w := newWorld(t)
		method, target, _ := strings.Cut(path, " ")
		answer := w.browser().send(method, target, map[string]string{"Authorization": "Bearer " + token, "X-HTTP-Method-Override": "POST"}, "{}")
		require.Equal(t, pass, len(w.asked) == 1, "%s: %d", path, answer.Code)
		if pass {
			require.Empty(t, w.asked[0].Header.Get("X-HTTP-Method-Override"))
		}
	}
}

func TestPagesOfTheWebUIHaveAPolicy(t *testing.T) {
	w := newWorld(t)
	auth := map[string]string{"Authorization": "Bearer " + token}
	answer := w.browser().send("GET", "/temporal/namespaces", auth, "")
	csp := answer.Header().Values("Content-Security-Policy")
	require.Len(t, csp, 1)
	require.Contains(t, csp[0], "script-src 'self' 'sha256-")
	require.Equal(t, 1, strings.Count(csp[0], "sha256-"))
	require.Contains(t, csp[0], "frame-ancestors 'none'")
	require.Empty(t, answer.Header().Values("Set-Cookie"))
	require.Empty(t, answer.Header().Values("Access-Control-Allow-Origin"))
	require.Equal(t, []string{"no-store"}, answer.Header().Values("Cache-Control"))

	answer = w.browser().send("GET", "/temporal/api/v1/namespaces/n/workflows/upload%2Fx/run/r1/history.json", auth, "")
	require.Equal(t, "/temporal/api/v1/namespaces/n/workflows/upload%2Fx/history?execution.runId=r1", answer.Header().Get("Location"))
	answer = w.browser().send("GET", "/temporal/render?content=x", auth, "")
	require.Equal(t, []string{"sandbox"}, answer.Header().Values("Content-Security-Policy"))
	answer = w.browser().send("GET", "/temporal/api/v1/settings", auth, "")
	require.Contains(t, answer.Body.String(), `"Endpoint":"/codec"`)
	require.Contains(t, answer.Body.String(), `"Version":"2"`)
}

func FuzzASessionIsNotForged(f *testing.F) {
	s := sessions{key: []byte("key"), now: time.Now}
	good := seal(s.key, time.Now().Add(time.Hour), false)
	f.Add(good)
	f.Add(good[:20])
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest(http.MethodGet, home, nil)
		r.Header.Set("Cookie", sessionCookie+"="+text)
		if got, ok := s.of(r); ok && got.id != good {
			t.Errorf("%q was taken", text)
		}
	})
}

func TestAWebUIThatNeedsNoCredentialGetsNone(t *testing.T) {
	var asked *http.Request
	ui := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r }))
	t.Cleanup(ui.Close)
	f, err := New(Options{URL: home, Token: token, Where: "in a file", Temporal: Upstream{URL: ui.URL}})
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, home+"/temporal/api/v1/namespaces", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	f.ServeHTTP(answer, r)
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, "/temporal/api/v1/namespaces", asked.URL.Path)
	require.Empty(t, asked.Header.Get("Authorization"), "the front's token is nobody else's")
}

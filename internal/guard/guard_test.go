package guard

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

func request(method, host string, header map[string]string) *http.Request {
	r := httptest.NewRequest(method, "http://"+host+"/x", nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return r
}

func TestOnlyOwnNamesAndPagesPass(t *testing.T) {
	names := Names{Hosts: []string{"mine.localhost"}, Origins: []string{"https://ui.example.com"}}
	for _, c := range []struct {
		what, method, host string
		header             map[string]string
		pass               bool
	}{
		{"a program", "GET", "127.0.0.1:8233", nil, true},
		{"localhost", "GET", "localhost:8233", nil, true},
		{"IPv6", "GET", "[::1]:8233", nil, true},
		{"mapped IPv6", "GET", "[::ffff:127.0.0.1]:8233", nil, true},
		{"its own name", "GET", "mine.localhost:8233", nil, true},
		{"its own name with a dot", "GET", "MINE.localhost.:8233", nil, true},
		{"a rebound name", "GET", "evil.example:8233", nil, false},
		{"another name below localhost", "GET", "evil.localhost:8233", nil, false},
		{"a name that begins well", "GET", "127.0.0.1.evil.example:8233", nil, false},
		{"another address", "GET", "192.168.1.5:8233", nil, false},
		{"no host", "GET", "", nil, false},
		{"its own page", "POST", "127.0.0.1:8233", map[string]string{"Origin": "http://127.0.0.1:8233"}, true},
		{"another port", "POST", "127.0.0.1:8233", map[string]string{"Origin": "http://127.0.0.1:1"}, false},
		{"another name of loopback", "POST", "127.0.0.1:8233", map[string]string{"Origin": "http://localhost:8233"}, false},
		{"a page of nowhere", "POST", "127.0.0.1:8233", map[string]string{"Origin": "null"}, false},
		{"a foreign page", "POST", "127.0.0.1:8233", map[string]string{"Origin": "http://evil.example"}, false},
		{"a rebound page", "POST", "evil.example:8233", map[string]string{"Origin": "http://evil.example:8233"}, false},
		{"an origin that begins well", "POST", "127.0.0.1:8233", map[string]string{"Origin": "http://127.0.0.1:8233.evil.example"}, false},
		{"an origin named", "POST", "127.0.0.1:8233", map[string]string{"Origin": "https://UI.example.com"}, true},
		{"a foreign image", "GET", "127.0.0.1:8233", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, false},
		{"a foreign link", "GET", "127.0.0.1:8233", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		{"a foreign frame", "GET", "127.0.0.1:8233", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, false},
		{"a foreign form", "POST", "127.0.0.1:8233", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, false},
	} {
		r := request(c.method, "127.0.0.1", c.header)
		r.Host = c.host
		if refusal := names.Check(r); (refusal == nil) != c.pass {
			t.Errorf("%s: pass %v, got %v", c.what, c.pass, refusal)
		}
	}
	r := request("GET", "worker.internal:9464", nil)
	if refusal := (Names{AnyHost: true}).Check(r); refusal != nil {
		t.Errorf("any host: %v", refusal)
	}
}

func TestATokenOpensAndNothingElseDoes(t *testing.T) {
	tokens := Tokens{"", "right-token"}
	served := Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), Names{}, func(r *http.Request) *Refusal { return tokens.Check(r, "in a file") })
	for authorization, want := range map[string]int{
		"": 401, "Bearer": 401, "Bearer ": 401, "Bearer wrong": 401, "Basic right-token": 401, "right-token": 401,
		"Bearer right-token": 204, "bearer right-token": 204,
	} {
		answer := httptest.NewRecorder()
		served.ServeHTTP(answer, request("GET", "127.0.0.1:1", map[string]string{"Authorization": authorization}))
		if answer.Code != want {
			t.Errorf("%q: want %d, got %d", authorization, want, answer.Code)
		}
		if want == 401 && (!strings.Contains(answer.Body.String(), "in a file") || answer.Header().Get("WWW-Authenticate") == "") {
			t.Errorf("%q: %s", authorization, answer.Body)
		}
	}
	answer := httptest.NewRecorder()
	served.ServeHTTP(answer, request("GET", "evil.example", map[string]string{"Authorization": "Bearer right-token"}))
	if answer.Code != http.StatusForbidden {
		t.Errorf("a foreign name with the token: %d", answer.Code)
	}
}

func TestAllProcessesOfAFolderGetOneToken(t *testing.T) {
	data := t.TempDir()
	var all [8]string
	var group sync.WaitGroup
	for i := range all {
		group.Go(func() {
			token, err := MakeToken(data)
			if err != nil {
				t.Error(err)
			}
			all[i] = token
		})
	}
	group.Wait()
	for _, token := range all {
		if token != all[0] || len(token) < 40 {
			t.Errorf("tokens %q and %q", token, all[0])
		}
	}
	entries, err := os.ReadDir(data)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	info, err := os.Stat(TokenFile(data))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestATokenThatIsNoSecretIsRefused(t *testing.T) {
	for text, mode := range map[string]os.FileMode{"": 0o600, "short\n": 0o600, "a token with blanks in it\n": 0o600, "abcdefghijklmnopqrstuvwxyz\n": 0o640} {
		data := t.TempDir()
		if err := os.WriteFile(TokenFile(data), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(TokenFile(data), mode); err != nil {
			t.Fatal(err)
		}
		if token, err := MakeToken(data); err == nil {
			t.Errorf("%q with mode %v was taken: %q", text, mode, token)
		}
	}
}

func TestWhatListensOnLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "localhost:80": true, "[::1]:80": true, ":80": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "nonsense": false,
	} {
		if ListensOnLoopback(address) != want {
			t.Errorf("%s: want %v", address, want)
		}
	}
}

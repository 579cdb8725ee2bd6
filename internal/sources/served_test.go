package sources_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCookiesOfARedirectGoToTheirHostOnly(t *testing.T) {
	s := &site{etag: strongETag}
	s.put([]byte("content"))
	elsewhere := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		s.ServeHTTP(w, r)
	}), "/signed/shoe.jpg?sig=1")
	source := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("ok")
		switch {
		case err != nil || cookie.Value != "1":
			http.SetCookie(w, &http.Cookie{Name: "ok", Value: "1", Domain: "127.0.0.1"})
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		case r.URL.Path == "/elsewhere":
			http.Redirect(w, r, elsewhere, http.StatusFound)
		default:
			s.ServeHTTP(w, r)
		}
	}), "")
	seen, err := look(t, private, source+"/a.jpg")
	require.NoError(t, err)
	require.Equal(t, "content", string(seen.Head))
	seen, err = look(t, private, source+"/elsewhere")
	require.NoError(t, err)
	require.Equal(t, "shoe.jpg", seen.Name, "a name without an extension gives way to the one that it leads to")
}

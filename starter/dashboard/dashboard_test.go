package dashboard

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/links"
	"github.com/mediaferry/mediaferry/internal/upload"
)

var tags = regexp.MustCompile(`<[^>]*>`)

// plain is what a person reads of a page.
func plain(page string) string {
	text := html.UnescapeString(tags.ReplaceAllString(page, " "))
	return strings.Join(strings.Fields(text), " ")
}

// every is the path of each view.
func every() []string {
	return []string{"/", "/batches", "/batches/spring", "/items", "/items/batch/spring/sitoo-2", "/accounts", "/accounts/sitoo", "/decisions", "/workers", "/actions"}
}

func TestEveryViewIsHTMLAndJSON(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		w.batch("spring", append(rows("spring", "sitoo", 3), rows("spring", "trustana", 2)...))
		w.claimed(row("spring", "sitoo", 2))
		w.ended(row("spring", "sitoo", 2), upload.StateFailed, &upload.Failure{Kind: upload.KindRejected, Step: upload.StepPrepare, Message: "no <such> entity", RequestID: "r-1"})
		for _, path := range every() {
			page := w.html(path)
			require.Contains(t, page, `<main id="main"`, path)
			require.NotContains(t, page, "no <such> entity", path)
			var body map[string]any
			w.json(path, &body)
			require.NotEmpty(t, body, path)
			require.Equal(t, http.StatusUnauthorized, w.get(path, "text/html", "wrong").Code)
		}
		for _, path := range []string{"/", "/batches", "/batches/spring", "/items", "/accounts", "/decisions", "/workers", "/actions"} {
			answer := w.get(path+"?format=csv", "text/html", viewer)
			require.Equal(t, http.StatusOK, answer.Code, path)
			require.Equal(t, "text/csv; charset=utf-8", answer.Header().Get("Content-Type"), path)
		}
		require.Contains(t, w.get("/batches/spring?state=failed&format=csv", "", viewer).Body.String(), "no <such> entity")
		var status map[string]any
		w.json("/batches/spring", &status)
		require.InDelta(t, 5, status["total"], 0)
		require.Equal(t, []any{map[string]any{"kind": "rejected", "to": "sitoo", "count": 1.0, "example": "line 2: no <such> entity"}}, status["failures"])
		require.Equal(t, []any{map[string]any{"kind": "rejected", "to": "sitoo", "count": 1.0, "message": "no <such> entity", "example": "line 2: no <such> entity"}}, status["causes"])
		var alike struct {
			Items []any `json:"items"`
		}
		w.json("/items?batch=spring&state=failed&message=no+%3Csuch%3E+entity", &alike)
		require.Len(t, alike.Items, 1)
		w.json("/items?batch=spring&state=failed&message=another", &alike)
		require.Empty(t, alike.Items)
		for path, want := range map[string]int{"/batches/none": 404, "/items/batch/none/x": 404, "/accounts/none": 404, "/nothing": 404, "/items?state=odd": 400, "/accounts/sitoo?format=csv": 406} {
			answer := w.get(path, "application/json", viewer)
			require.Equal(t, want, answer.Code, path)
			require.Contains(t, answer.Body.String(), `"hint":"`, path)
			require.Equal(t, want, w.get(path, "text/html", viewer).Code, path)
		}
	})
}

func TestIDsOfAnyFormHaveAPage(t *testing.T) {
	w := newWorld(t, ledgertest.SQLite(t))
	for _, id := range []string{"a", "a b", "a/b", "../x", "a//b", "100%", "ä?#", `"><script>`, "..", "a/./b"} {
		item := row("spring", "sitoo", 2)
		item.ID, item.UploadID = id, upload.BatchUploadID("spring", id)
		result := upload.NewResult(item, upload.WayPacked, w.now)
		require.NoError(t, w.ledger.Record(t.Context(), upload.Record{Item: item, Result: result}))
		var body map[string]any
		w.json(links.Item(item.UploadID), &body)
		require.Equal(t, item.UploadID, body["upload_id"], id)
		require.NotContains(t, w.html(links.Item(item.UploadID)), `"><script>`)
	}
}

func TestAListGoesOnBehindItsPage(t *testing.T) {
	w := newWorld(t, ledgertest.SQLite(t))
	w.batch("spring", rows("spring", "sitoo", 2*itemsShown+1))
	seen := map[string]bool{}
	pages := 0
	for path := "/items?batch=spring"; path != ""; pages++ {
		var body struct {
			Items []struct {
				ID string `json:"upload_id"`
			} `json:"items"`
			Next string `json:"next"`
		}
		w.json(path, &body)
		for _, item := range body.Items {
			require.False(t, seen[item.ID])
			seen[item.ID] = true
		}
		path = body.Next
	}
	require.Len(t, seen, 2*itemsShown+1)
	require.Equal(t, 3, pages)
	csv := w.get("/items?batch=spring&format=csv", "", viewer).Body.String()
	require.Equal(t, 2*itemsShown+2, strings.Count(csv, "\n"), "a table is the whole list")
}

func TestUploadsAreFound(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		w.batch("spring", rows("spring", "sitoo", 3))
		w.claimed(row("spring", "sitoo", 2))
		w.ended(row("spring", "sitoo", 2), upload.StateReady, nil)
		product, pictured := row("autumn", "closient", 9), row("autumn", "trustana", 10)
		product.Fields, pictured.Fields = upload.Fields{"gtin": "4006381333931"}, upload.Fields{"skuIds": []any{"SKU-1", "SKU-2"}}
		w.batch("autumn", []upload.Item{product, pictured})
		for text, want := range map[string]int{"4006381333931": 1, "04006381333931": 1, "sku-2": 1, "SKU": 0, "9.jpg": 1, "https://shop.example/3.jpg": 1, "sitoo-2": 1, "sitoo-": 3, "batch/spring/sitoo-3": 1, "IM-sitoo-2": 1, "spring": 0, "batch/spr": 3, "nothing": 0} {
			var body struct {
				Items []any `json:"items"`
			}
			w.json("/items?q="+text, &body)
			require.Len(t, body.Items, want, text)
		}
	})
}

func TestWhatAButtonRuns(t *testing.T) {
	w := newWorld(t, ledgertest.SQLite(t))
	for _, c := range []struct {
		path string
		form url.Values
		want string
	}{
		{"/batches/spring", url.Values{"action": {"pause"}, "because": {"a sale"}}, "mediaferry batch pause --because 'a sale' -- spring"},
		{"/batches/spring", url.Values{"action": {"resume"}}, "mediaferry batch resume -- spring"},
		{"/batches/spring", url.Values{"action": {"retry"}, "kind": {"rejected"}, "to": {"sitoo"}}, "mediaferry batch retry --kind rejected --to sitoo -- spring"},
		{"/batches/spring", url.Values{"action": {"retry"}, "kind": {"rejected"}, "message": {"is --not known"}}, "mediaferry batch retry --kind rejected --message 'is --not known' -- spring"},
		{"/batches/spring", url.Values{"action": {"set"}, "rps": {"sitoo=2 closient=none"}, "failures": {"1%"}}, "mediaferry batch set --rps sitoo=2 --rps closient=none --failures 1% -- spring"},
		{"/batches/spring", url.Values{"action": {"decide"}, "verdict": {"fail"}, "because": {"gone"}}, "mediaferry decide --batch spring --because gone -- fail"},
		{"/items/batch/spring/--config=x", url.Values{"action": {"retry"}}, "mediaferry retry --detach -- batch/spring/--config=x"},
		{"/items/upload/closient/front", url.Values{"action": {"decide"}, "verdict": {"ready"}, "because": {"--x"}}, "mediaferry decide --detach --because --x -- upload/closient/front ready"},
		{"/accounts/sitoo", url.Values{"action": {"pause"}, "because": {"freeze"}}, "mediaferry account pause --because freeze -- sitoo"},
	} {
		require.Equal(t, http.StatusForbidden, w.post(c.path, viewer, c.form).Code, "who may look may not operate")
		answer := w.post(c.path, operator, c.form)
		require.Equal(t, http.StatusOK, answer.Code, answer.Body)
		require.Contains(t, html.UnescapeString(answer.Body.String()), c.want)
	}
	require.Len(t, w.ran, 9)
	require.Equal(t, []string{"batch", "pause", "--because=a sale", "--", "spring"}, w.ran[0])
	require.Equal(t, "an operator (page, by token)", w.by[0])
	require.Equal(t, http.StatusBadRequest, w.post("/batches/spring", operator, url.Values{"action": {"explode"}}).Code)
	w.outcome = Outcome{Status: 2, Text: "mediaferry: batch spring is already paused\n"}
	answer := w.post("/batches/spring", operator, url.Values{"action": {"pause"}})
	require.Equal(t, http.StatusConflict, answer.Code)
	require.Contains(t, answer.Body.String(), "already paused")
	require.Contains(t, plain(w.html("/actions")), "already paused")
}

func TestOnlyItsOwnFormsAreTaken(t *testing.T) {
	require.Equal(t, "/batches/x?done=j", back(&http.Request{URL: &url.URL{Path: "/batches/x"}, PostForm: url.Values{"back": {"https://evil.example/"}}}, "j"))
	require.Equal(t, "/batches/x?done=j", back(&http.Request{URL: &url.URL{Path: "/batches/x"}, PostForm: url.Values{"back": {"//evil.example/"}}}, "j"))
	require.Equal(t, "/?done=j&state=failed", back(&http.Request{URL: &url.URL{Path: "/batches/x"}, PostForm: url.Values{"back": {"/?state=failed"}}}, "j"))
}

func TestAViewerIsShownNoButtons(t *testing.T) {
	w := newWorld(t, ledgertest.SQLite(t))
	w.batch("spring", rows("spring", "sitoo", 3))
	require.NotContains(t, w.html("/batches/spring"), `method="post"`)
	require.Contains(t, w.get("/batches/spring", "text/html", operator).Body.String(), `method="post"`)
	require.NoError(t, w.ledger.NoteItemEvent(t.Context(), "batch/spring/sitoo-2", ledger.ItemEvent{What: ledger.EventPause, By: "ann", Because: "a sale"}))
	require.Contains(t, plain(w.html("/items/batch/spring/sitoo-2")), "pause ann a sale")
}

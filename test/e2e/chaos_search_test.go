//go:build chaos

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// search looks for secrets in all that the run has left: logs, histories, databases and
// reports; and in those that are read without the key for folders and people.
func (c *chaos) search(made catalogue) {
	c.t.Helper()
	secrets := secretsOf(c.t, filepath.Join(c.dir, "box", "sandbox.yaml"))
	for _, name := range []string{"MEDIAFERRY_KEY=", "TEMPORAL_API_KEY="} {
		for _, one := range c.env {
			if value, found := strings.CutPrefix(one, name); found {
				secrets = append(secrets, value)
			}
		}
	}
	if raw, err := os.ReadFile(filepath.Join(c.data, "key")); err == nil {
		secrets = append(secrets, strings.TrimSpace(string(raw)))
	}
	s := newSearch(c.t, append(secrets, c.line.token(c.t), c.box.token)...)
	folder := filepath.Dir(made.manifest)

	histories := c.histories()
	s.in("histories", histories)
	s.words("histories", histories, folder)
	requireNameless(c.t, string(histories))
	if c.database != "" {
		books := c.dump()
		s.in("the ledger", books)
		s.words("the ledger", books, folder)
	}
	c.insist("batch", "report", "chaos", "--format", "html", "-o", filepath.Join(c.data, "search.html"))
	c.insist("batch", "report", "chaos", "--format", "csv", "-o", filepath.Join(c.data, "search.csv"))
	require.Positive(c.t, s.everything(c.place, folder))
	says(c.t, "searched %d forms of secrets in what %d programs wrote, %d bytes of histories, and the data folder", len(s.forms), len(c.told.said)/2, len(histories))
}

// histories are those of all workflows that there are.
func (c *chaos) histories() []byte {
	c.t.Helper()
	at := stranger(c.t, c.line)
	var all bytes.Buffer
	for token := []byte(nil); ; {
		found, err := at.ListWorkflow(c.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: token})
		require.NoError(c.t, err)
		for _, one := range found.GetExecutions() {
			text, err := protojson.Marshal(one)
			require.NoError(c.t, err)
			all.Write(text)
			events, err := protojson.Marshal(history(c.t, at, one.GetExecution().GetWorkflowId()))
			require.NoError(c.t, err)
			all.Write(events)
		}
		if token = found.GetNextPageToken(); len(token) == 0 {
			return all.Bytes()
		}
	}
}

// dump is the ledger in PostgreSQL, as its database prints it.
func (c *chaos) dump() []byte {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.database)
	require.NoError(c.t, err)
	defer func() { _ = conn.Close(c.t.Context()) }()
	tables, err := conn.Query(c.t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`)
	require.NoError(c.t, err)
	names, err := pgx.CollectRows(tables, pgx.RowTo[string])
	require.NoError(c.t, err)
	var all bytes.Buffer
	for _, name := range names {
		rows, err := conn.Query(c.t.Context(), `SELECT CAST(t AS TEXT) FROM `+name+` AS t`)
		require.NoError(c.t, err)
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(c.t, err)
		for _, text := range texts {
			all.WriteString(text + "\n")
		}
	}
	require.NotEmpty(c.t, names)
	return all.Bytes()
}

package commands

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/starter/exit"
)

func TestSomebodyHasSaidWhatAShellOffersForEachFlag(t *testing.T) {
	r := newRoot("dev", io.Discard, io.Discard)
	known := r.completers()
	used := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		check := func(f *pflag.Flag) {
			_, decided := completerOf(known, c, f)
			require.True(t, decided, "%s --%s", c.CommandPath(), f.Name)
			value, _ := pflag.UnquoteUsage(f)
			path := strings.TrimPrefix(c.CommandPath(), "mediaferry ")
			for _, name := range []string{path + " --" + f.Name + " " + value, "--" + f.Name + " " + value, value} {
				used[name] = true
			}
		}
		c.PersistentFlags().VisitAll(check)
		c.LocalNonPersistentFlags().VisitAll(check)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(r.command())
	for name := range known {
		require.True(t, used[name], "no flag takes %s any more", name)
	}
	for _, name := range free {
		require.True(t, used[name], "no flag takes %s any more", name)
	}
}

func TestUploadIDsAreOfferedALevelAtATime(t *testing.T) {
	folders := []string{"batch/spring/", "batch/autumn/", "upload/sitoo/", "upload/trustana/"}
	require.Equal(t, []string{"batch/", "upload/"}, nextLevel(folders, ""))
	require.Equal(t, []string{"upload/"}, nextLevel(folders, "up"))
	require.Equal(t, []string{"upload/sitoo/", "upload/trustana/"}, nextLevel(folders, "upload/"))
	require.Equal(t, []string{"upload/trustana/"}, nextLevel(folders, "upload/t"))
	require.Empty(t, nextLevel(folders, "upload/trustana/"), "uploads come next")
	require.Empty(t, nextLevel(folders, "x"))
}

func TestAShellIsOfferedWhatIsKnown(t *testing.T) {
	t.Setenv("MEDIAFERRY_DATA", t.TempDir())
	t.Setenv("MEDIAFERRY_CONFIG", "")
	t.Setenv("HOME", t.TempDir())
	for line, want := range map[string]string{
		"list --state p":                           "preparing processing",
		"list --kind un":                           "unavailable unconfirmed",
		"list --waiting l":                         "line",
		"list --limit ":                            "",
		"batch retry x --kind rej":                 "rejected",
		"batch report x --format ":                 "csv jsonl html xlsx",
		"batch plan --literal g":                   "gtin",
		"batch set x --failures den":               "denied=",
		"batch plan ":                              "csv tsv jsonl ndjson xlsx",
		"vendors t":                                "trustana trustoo truvideo",
		"vendors closient ":                        "",
		"vendors --template ":                      "csv jsonl",
		"init trustana s":                          "sitoo",
		"completion ":                              "bash zsh fish",
		"account add shop --vendor si":             "sitoo",
		"account add sitoo --set au":               "auth=",
		"account add x --vendor sitoo --set auth=": "auth=bearer auth=basic",
		"decide upload/a/b ":                       "ready retry fail",
		"decide --batch spring r":                  "ready retry",
		"decide ":                                  "",
		"show ":                                    "",
		"move x --host ":                           "",
		"up --log-level e":                         "error",
		"up --log-format ":                         "console json",
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exit.OK, Run("dev", append([]string{"__complete"}, strings.Split(line, " ")...), &stdout, &stderr), line)
		lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
		var offered []string
		for _, one := range lines[:len(lines)-1] { // the last one is for the shell
			name, _, _ := strings.Cut(one, "\t")
			offered = append(offered, name)
		}
		require.Equal(t, want, strings.Join(offered, " "), line)
	}
}

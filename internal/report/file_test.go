package report_test

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/report"
)

func text(what string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, what)
		return err
	}
}

func TestAPipeIsWrittenToAndStaysOne(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	read := make(chan string, 1)
	go func() {
		content, err := os.ReadFile(pipe)
		if err != nil {
			content = []byte(err.Error())
		}
		read <- string(content)
	}()
	require.NoError(t, report.StoreFile(t.Context(), pipe, text("rows")))
	require.Equal(t, "rows", <-read)
	info, err := os.Lstat(pipe)
	require.NoError(t, err)
	require.Equal(t, fs.ModeNamedPipe, info.Mode().Type())
	onlyEntry(t, filepath.Dir(pipe))
}

func TestAPipeThatNobodyReadsEndsWithTheCommand(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, report.StoreFile(ctx, pipe, text("rows")), context.Canceled)
	late, err := os.Open(pipe) // lets the opening that still waits go
	require.NoError(t, err)
	rest, err := io.ReadAll(late)
	require.NoError(t, err)
	require.Empty(t, rest)
	require.NoError(t, late.Close())
}

func TestALinkStaysAndWhatItNamesIsReplaced(t *testing.T) {
	for name, there := range map[string]bool{"a link to a file": true, "a link to a file that is to be made": false} {
		t.Run(name, func(t *testing.T) {
			folder, elsewhere := t.TempDir(), t.TempDir()
			file, link := filepath.Join(elsewhere, "report.csv"), filepath.Join(folder, "latest.csv")
			if there {
				require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
			}
			between := filepath.Join(elsewhere, "between.csv")
			require.NoError(t, os.Symlink("report.csv", between))
			require.NoError(t, os.Symlink(between, link))
			require.NoError(t, report.StoreFile(t.Context(), link, text("new")))
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, "new", string(content))
			for _, one := range []string{link, between} {
				info, err := os.Lstat(one)
				require.NoError(t, err)
				require.Equal(t, fs.ModeSymlink, info.Mode().Type())
			}
			onlyEntry(t, folder)
		})
	}
}

func TestALinkToAPipeIsWrittenThrough(t *testing.T) {
	folder := t.TempDir()
	pipe, link := filepath.Join(t.TempDir(), "pipe"), filepath.Join(folder, "out.csv")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Symlink(pipe, link))
	read := make(chan string, 1)
	go func() {
		content, err := os.ReadFile(pipe)
		if err != nil {
			content = []byte(err.Error())
		}
		read <- string(content)
	}()
	require.NoError(t, report.StoreFile(t.Context(), link, text("rows")))
	require.Equal(t, "rows", <-read)
	onlyEntry(t, folder)
}

func TestLinksInACircleAndFoldersAreRefused(t *testing.T) {
	folder := t.TempDir()
	a, b := filepath.Join(folder, "a"), filepath.Join(folder, "b")
	require.NoError(t, os.Symlink(b, a))
	require.NoError(t, os.Symlink(a, b))
	require.Error(t, report.StoreFile(t.Context(), a, text("rows")))
	require.ErrorContains(t, report.StoreFile(t.Context(), folder, text("rows")), "is a folder; give the name of a file")
}

// onlyEntry makes sure that no temporary file is left beside what was written.
func onlyEntry(t *testing.T, folder string) {
	t.Helper()
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

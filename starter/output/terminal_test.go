package output

import (
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
)

// terminal is a pseudo-terminal, and what a person would see on it.
type terminal struct {
	t     *testing.T
	side  *os.File // that programs write to
	seen  vt10x.Terminal
	all   strings.Builder // that was written
	read  chan string
	marks int
}

func newTerminal(t *testing.T, columns, rows int) *terminal {
	t.Helper()
	t.Setenv("TERM", "xterm-256color")
	control, side, err := pty.Open()
	require.NoError(t, err)
	term := &terminal{t: t, side: side, seen: vt10x.New(vt10x.WithSize(columns, rows)), read: make(chan string)}
	t.Cleanup(func() { _ = side.Close(); _ = control.Close() })
	term.resize(columns, rows)
	go func() {
		for {
			chunk := make([]byte, 4096)
			n, err := control.Read(chunk)
			if err != nil {
				close(term.read)
				return
			}
			term.read <- string(chunk[:n])
		}
	}()
	return term
}

func (term *terminal) resize(columns, rows int) {
	term.t.Helper()
	require.NoError(term.t, pty.Setsize(term.side, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}))
	term.seen.Resize(columns, rows)
}

// lines are what stands on the screen when everything that was written is there.
func (term *terminal) lines() []string {
	term.t.Helper()
	const mark = "\x1b[?2004l" // which shows nothing
	_, err := io.WriteString(term.side, mark)
	require.NoError(term.t, err)
	term.marks++
	for strings.Count(term.all.String(), mark) < term.marks {
		chunk, open := <-term.read
		require.True(term.t, open)
		term.all.WriteString(chunk)
		_, err := term.seen.Write([]byte(chunk))
		require.NoError(term.t, err)
	}
	screen := strings.Split(strings.TrimRight(term.seen.String(), " \n"), "\n")
	for i := range screen {
		screen[i] = strings.TrimRight(screen[i], " ")
	}
	return screen
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// film is an upload of 2 GB at 10 MB/s, after some time.
func film(after time.Duration) Upload {
	sent := int64(after.Seconds() * 10e6)
	return Upload{Account: "truvideo", Result: upload.Result{State: upload.StateTransferring, Size: 2000e6, BytesSent: sent}, Status: &upload.Status{
		Parts: 40, PartsDone: int(sent / 50e6), BytesDone: sent / 50e6 * 50e6, PartSize: 50e6, InFlight: 1, Result: upload.Result{State: upload.StateTransferring},
	}}
}

func TestProgressOnTerminals(t *testing.T) {
	for columns, want := range map[int]string{
		40:  "████░░░░░  50% 1.0 GB/2.0 GB 1m40s left",
		80:  "",
		200: "",
	} {
		t.Run(strconv.Itoa(columns), func(t *testing.T) {
			term := newTerminal(t, columns, 24)
			_, _ = io.WriteString(term.side, "$ mediaferry upload\r\n")
			p := NewProgress(term.side)
			p.began = noon
			for after := time.Duration(0); after <= 100*time.Second; after += time.Second {
				p.drawAt([]Upload{film(after)}, noon.Add(after))
				for i, line := range term.lines() {
					require.LessOrEqual(t, len([]rune(line)), columns-1)
					require.LessOrEqual(t, i, 1, "one line below the command: %q", line)
				}
			}
			lines := term.lines()
			require.Equal(t, "$ mediaferry upload", lines[0])
			t.Log(lines[1])
			if want != "" {
				require.Equal(t, want, lines[1])
			}
			require.Contains(t, lines[1], "█")
			require.Contains(t, lines[1], " 50%")
			require.Contains(t, lines[1], "1m40s left")
			if columns > 40 {
				require.Contains(t, lines[1], "1.0 GB of 2.0 GB")
				require.Contains(t, lines[1], "10.0 MB/s")
			}
			if columns > 80 {
				require.Contains(t, lines[1], "1m40s elapsed")
				require.Contains(t, lines[1], "set by the line")
				require.Contains(t, lines[1], "20 of 40 parts")
			}
			require.Contains(t, term.all.String(), "\x1b[32m", "colours")
			p.Clear()
			require.Equal(t, []string{"$ mediaferry upload"}, term.lines())
		})
	}
}

func TestProgressAfterTheTerminalWasResized(t *testing.T) {
	term := newTerminal(t, 200, 24)
	_, _ = io.WriteString(term.side, "$ mediaferry upload\r\n")
	p := NewProgress(term.side)
	p.began = noon
	for i, columns := range []int{200, 80, 40, 21, 200} {
		term.resize(columns, 24)
		for range 12 {
			i++
			p.drawAt([]Upload{film(time.Duration(i) * time.Second)}, noon.Add(time.Duration(i)*time.Second))
		}
		lines := term.lines()
		require.Len(t, lines, 2, "at %d columns", columns)
		require.LessOrEqual(t, len([]rune(lines[1])), columns-1)
		require.Contains(t, lines[1], "%")
	}
}

func TestTroubleIsToldOnTheNarrowestTerminal(t *testing.T) {
	term := newTerminal(t, 40, 24)
	p := NewProgress(term.side)
	u := film(30 * time.Second)
	u.Waiting = &waits.Wait{For: upload.ForVendor, Reason: "POST /upload/start: 503", Tries: 3}
	p.drawAt([]Upload{u}, noon)
	require.Contains(t, strings.Join(term.lines(), "\n"), "transferring at truvideo")
	require.Len(t, term.lines(), 1)
	term.resize(120, 24)
	p.drawAt([]Upload{u}, noon)
	require.Contains(t, strings.Join(term.lines(), "\n"), "waiting for the vendor: POST /upload/start: 503 (tried 3 times")
}

func TestNoColourIsUsedWhereNoneIsWanted(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	term := newTerminal(t, 80, 24)
	p := NewProgress(term.side)
	p.drawAt([]Upload{film(30 * time.Second)}, noon)
	require.Contains(t, strings.Join(term.lines(), "\n"), "15%")
	require.NotContains(t, term.all.String(), "\x1b[3")
}

func TestABatchHasALineForEachAccountAtEveryWidth(t *testing.T) {
	eta := int64(302)
	v := BatchView{Batch: ledger.Batch{ID: "spring", State: upload.BatchRunning}, Numbers: BatchNumbers{Batch: "spring", Total: 2500, Ready: 1000, Waiting: 1400, InProgress: 100, Rate: 5, ETA: &eta}}
	v.Accounts = []AccountView{{Name: "trustana", Total: 2000, Done: 840, InFlight: 64, Rate: 3.1, Slowdowns: 2}, {Name: "画像", Total: 500, Done: 160, InFlight: 36, Failed: 2, Paused: true}}
	for _, columns := range []int{40, 80, 200} {
		term := newTerminal(t, columns, 24)
		b := NewBoard(term.side)
		for range 3 {
			b.DrawBatch(v)
		}
		lines := term.lines()
		t.Log("\n" + strings.Join(lines, "\n"))
		require.Len(t, lines, 3)
		require.Contains(t, lines[1], "trustana")
		require.Contains(t, lines[1], "42%")
		require.Contains(t, lines[1], "6m14s left")
		require.Contains(t, lines[1], "█")
		require.Contains(t, lines[2], "paused")
		b.Clear()
		require.Equal(t, []string{""}, term.lines())
	}
	term := newTerminal(t, 80, 3)
	NewBoard(term.side).DrawBatch(v)
	require.Len(t, term.lines(), 2, "no more than the screen has")
}

// An estimate that is made at half-way is right within 40 % of what was left, on lines of
// different sorts, and does not jump on its way there.
func TestTheTimeLeftIsRightAndSteady(t *testing.T) {
	const total = 600e6
	random := rand.New(rand.NewPCG(1, 2))
	for name, speed := range map[string]func(s float64) float64{ // bytes per second, at a second
		"a steady line":               func(float64) float64 { return 5e6 },
		"a slow line":                 func(float64) float64 { return 5e5 },
		"a fast line":                 func(float64) float64 { return 40e6 },
		"one that starts slowly":      func(s float64) float64 { return 5e6 * min(1, (s+1)/20) },
		"one that is shared in waves": func(s float64) float64 { return 5e6 * (1 + 0.5*math.Sin(s/5)) },
		"slow waves":                  func(s float64) float64 { return 5e6 * (1 + 0.4*math.Sin(s/15)) },
		"one that comes and goes":     func(s float64) float64 { return 10e6 * float64(int(s/4)%2) },
		"one with long gaps":          func(s float64) float64 { return 6e6 * min(1, float64(int(s/6)%4)) },
		"one that jitters":            func(float64) float64 { return 10e6 * random.Float64() },
		"parts that end in bursts":    func(s float64) float64 { return 50e6 * float64(1-min(1, int(s)%10)) },
	} {
		t.Run(name, func(t *testing.T) {
			var p pace
			var sent float64
			var half, ended int
			var estimate, before time.Duration
			for s := 0; sent < total; s++ {
				sent = min(sent+speed(float64(s)), total)
				_, left := p.note(noon.Add(time.Duration(s)*time.Second), int64(sent), total)
				if before > 0 && left > 0 && s > 20 {
					expected := before - time.Second
					require.InDelta(t, expected.Seconds(), left.Seconds(), 0.12*expected.Seconds()+2, "at %d s", s)
				}
				before = left
				if half == 0 && sent >= total/2 {
					half, estimate = s, left
				}
				ended = s
			}
			real := float64(ended - half)
			t.Logf("half-way after %d s: %.0f s estimated, %.0f s real", half, estimate.Seconds(), real)
			require.InDelta(t, real, estimate.Seconds(), 0.4*real)
		})
	}
}

func TestWhatIsLongerThanTheScreenGoesThroughThePager(t *testing.T) {
	long := strings.Repeat("a line\n", 30)
	write := func(text string) func(io.Writer) error {
		return func(out io.Writer) error { _, err := io.WriteString(out, text); return err }
	}
	t.Setenv("PAGER", "tail -n 2")
	term := newTerminal(t, 80, 24)
	require.NoError(t, Console{Out: term.side, Err: term.side}.Paged(write(long)))
	require.Equal(t, []string{"a line", "a line"}, term.lines(), "which the pager has left")

	term = newTerminal(t, 80, 24)
	require.NoError(t, Console{Out: term.side, Err: term.side}.Paged(write("one\ntwo\nthree\n")))
	require.Equal(t, []string{"one", "two", "three"}, term.lines())

	for _, none := range []string{"", "cat", "no-such-pager"} {
		t.Setenv("PAGER", none)
		term = newTerminal(t, 80, 40)
		require.NoError(t, Console{Out: term.side, Err: term.side}.Paged(write(long)))
		require.Len(t, term.lines(), 30)
	}
	var pipe strings.Builder
	t.Setenv("PAGER", "false")
	require.NoError(t, Console{Out: &pipe}.Paged(write(long)))
	require.Equal(t, long, pipe.String(), "no terminal")
}

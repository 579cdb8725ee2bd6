package e2e

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// filmSize makes a film of several parts at TruVideo, the last one short.
const filmSize = 48<<20 + 12345

func TestAFilmInManyPartsOutlivesKill9(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	film := p.film("film.mp4", 60<<20)
	up, at := p.up("--sandbox")
	box := control{t, at.Sandbox, at.token(t)}
	box.faults("truvideo.part#3+=slow=10m") // stored, but not answered
	p.do(sending("truvideo", "film", film, "--detach")...)
	box.hits(1)
	who := stranger(t, at)
	until(t, "two parts are acknowledged", func() bool {
		return completed(history(t, who, "upload/truvideo/film"), upload.ActivitySendPart) == 2
	})
	engine := p.engine()
	require.Equal(t, up.cmd.Process.Pid, engine.Host)
	require.Equal(t, []int{engine.PID}, p.engines())
	parts := box.acknowledged()
	require.Len(t, parts, 2)

	up.kill()
	p.noEngineIsLeft()
	_, again := p.up("--sandbox")
	require.Equal(t, at.places(), again.places(), "everything is where it was")
	r := p.ready("upload/truvideo/film")
	require.EqualValues(t, sum(t, film), r.SHA256)

	box.content()
	m := box.medium("truvideo", film)
	require.EqualValues(t, r.MediaID, m.MediaID)
	require.Equal(t, 1, m.Completes)
	require.Len(t, box.ledger().Of("truvideo"), 1, "one session only")
	require.Greater(t, len(m.Parts), 4)
	sentOnce(t, m, parts)

	sent := box.requests("truvideo", "part")
	require.Equal(t, r, result(t, p.do(sending("truvideo", "film", film)...)), "the same command prints the old result")
	require.Equal(t, sent, box.requests("truvideo", "part"))
}

func TestAnImageOutlivesKill9WhileItIsProcessed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	image := p.file("mug.png")
	up, at := p.up("--sandbox")
	box := control{t, at.Sandbox, at.token(t)}
	box.faults("trustana.status=status=503")
	p.do(sending("trustana", "mug", image, "--detach")...)
	box.hits(1)
	up.kill()
	p.noEngineIsLeft()

	p.up("--sandbox")
	p.ready("upload/trustana/mug")
	box.content()
	require.Equal(t, 1, box.medium("trustana", image).Received)
	require.Zero(t, box.requests("trustana", "prepare"), "since the start of the second one")
	require.Zero(t, box.requests("trustana", "put"))
}

// TestKill9AnywhereLosesNothingAndDoublesNothing kills everything at a moment at
// which five vendors have done what they were asked and have not yet answered.
func TestKill9AnywhereLosesNothingAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for name, calls := range map[string][]string{
		"while sessions are opened":   {"trustana.prepare", "trustoo.policy", "sitoo.upload-url", "closient.list", "truvideo.start"},
		"while bytes are sent":        {"trustana.put", "trustoo.post", "sitoo.post", "closient.post", "truvideo.part"},
		"while processing is watched": {"trustana.status", "sitoo.get", "truvideo.status"},
		"while it is being completed": {"truvideo.complete"},
		"while a login is under way":  {"truvideo.login"},
	} {
		t.Run(name, func(t *testing.T) { killedAt(t, calls) })
	}
}

func killedAt(t *testing.T, calls []string) {
	t.Parallel()
	p := newPlace(t)
	up, at := p.up("--sandbox")
	box := control{t, at.Sandbox, at.token(t)}
	box.hold(calls)
	all := sources(p)
	for vendor, source := range all {
		p.do(sending(vendor, "one", source, "--detach")...)
	}
	box.hits(1)
	up.kill()
	p.noEngineIsLeft()

	p.up("--sandbox")
	for vendor, source := range all {
		r := p.ready("upload/" + vendor + "/one")
		m := box.medium(vendor, source)
		require.EqualValues(t, r.MediaID, m.MediaID, vendor)
	}
	require.Empty(t, box.ledger().Duplicates())
	box.content()
}

func TestACommandIsInterruptedAndGoesOnWhenRepeated(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	image := p.file("mug.png")
	box.faults("sitoo.get=status=503")
	first := p.start("mediaferry", sending("sitoo", "mug", image)...)
	box.hits(1)
	first.interrupt()
	status, stdout := first.end()
	require.Equal(t, 130, status)
	require.Empty(t, stdout)
	require.Contains(t, first.stderr.String(), "mediaferry: interrupted; run the command again to continue")
	p.noEngineIsLeft()

	box.faults()
	r := result(t, p.do(sending("sitoo", "mug", image)...))
	require.Equal(t, upload.StateReady, r.State)
	require.Equal(t, 1, box.medium("sitoo", image).Received)
	require.Equal(t, 1, box.requests("sitoo", "upload-url"))
	box.content()
}

func TestWhoUsesAnEngineTakesItOver(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*process, control){
		"when the command that started it has ended": func(host *process, box control) {
			box.faults("sitoo.get=status=503") // only the other one has to wait on
			status, stdout := host.end()
			require.Zero(t, status)
			require.Equal(t, upload.StateReady, result(t, stdout).State)
		},
		"when the command that started it was killed": func(host *process, _ control) { host.kill() },
	} {
		t.Run(name, func(t *testing.T) { takenOver(t, leave) })
	}
}

func takenOver(t *testing.T, leave func(*process, control)) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	box.faults("trustana.status=status=503", "sitoo.get=status=503")
	host := p.start("mediaferry", sending("trustana", "first", p.file("mug.png"))...)
	until(t, "the first command hosts an engine", func() bool { return len(p.engines()) == 1 })
	until(t, "it says where", func() bool {
		status, stdout, _ := p.run("list", "--json")
		return status == 0 && stdout != "" && p.engine().PID != 0
	})
	guest := p.start("mediaferry", sending("sitoo", "second", p.file("lamp.webp"))...)
	box.hits(1)
	before := p.engine()
	require.Equal(t, host.cmd.Process.Pid, before.Host)

	leave(host, box)
	until(t, "the second command hosts the engine", func() bool { return p.engine().Host == guest.cmd.Process.Pid && p.engine().PID != 0 })
	require.NotEqual(t, before.PID, p.engine().PID)
	box.faults()
	status, stdout := guest.end()
	require.Zero(t, status, guest.stderr)
	require.Equal(t, upload.StateReady, result(t, stdout).State)
	require.Equal(t, 1, box.medium("sitoo", p.file("lamp.webp")).Received)
	p.noEngineIsLeft()

	// What the first one left is there for whoever asks for it.
	r := result(t, p.do(sending("trustana", "first", p.file("mug.png"))...))
	require.Equal(t, upload.StateReady, r.State)
	require.Equal(t, 1, box.medium("trustana", p.file("mug.png")).Received)
	box.content()
}

func TestTheSameCommandTwiceAtOnceIsOneUpload(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	image := p.file("mug.png")
	box.faults("sitoo.get=status=503")
	first := p.start("mediaferry", sending("sitoo", "mug", image)...)
	second := p.start("mediaferry", sending("sitoo", "mug", image)...)
	box.hits(1)
	until(t, "both wait for it", func() bool {
		_, stdout, _ := p.run("list", "--json")
		return len(results(t, stdout)) == 1
	})
	box.faults()
	var ended []upload.Result
	for _, s := range []*process{first, second} {
		status, stdout := s.end()
		require.Zero(t, status, s.stderr)
		ended = append(ended, result(t, stdout))
	}
	require.Equal(t, ended[0], ended[1])
	require.Equal(t, 1, box.medium("sitoo", image).Received)
	require.Len(t, box.ledger().Of("sitoo"), 1)
	require.Equal(t, 1, box.requests("sitoo", "upload-url"))
	box.content()
	require.True(t, slices.ContainsFunc(box.ledger().Media, func(m sandbox.Medium) bool { return m.MediaID == string(ended[0].MediaID) }))
}

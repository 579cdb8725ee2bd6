package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// CheckMedium decides under which type and name a medium of a size in bytes is sent,
// and says what is wrong with it for an account of this vendor. Its hints lead to
// something that the account accepts. With an error, Admitted has what is known.
func (s *Spec) CheckMedium(claim media.Claim, size int64, account Account) (Admitted, error) {
	found, err := claim.Check()
	if err != nil {
		return Admitted{Found: found}, s.fitting(err, claim.Head, account)
	}
	content := upload.Content{Size: size, Type: string(found.Type), Name: found.Name}
	if err := s.CheckContent(content, account); err != nil {
		return Admitted{Found: found}, err
	}
	return s.admit(found, content, account), nil
}

// fitting gives a contradiction about a medium that the account would refuse under its
// right name, too, the hint of that refusal.
func (s *Spec) fitting(err error, head []byte, account Account) error {
	actual := media.Detect(head)
	if !actual.Medium() {
		return err
	}
	content := upload.Content{Size: 1, Type: string(actual)}
	if s.CheckContent(content, account) == nil {
		return err
	}
	worded := *upload.AsError(err, upload.StepClaim)
	why := s.refuse(content, account)
	worded.Message += "; " + why.Message
	right := worded.Hint
	worded.Hint = why.Hint
	if offer := s.offer(content, account); offer != "" && right != "" {
		worded.Hint += "; or " + right + ", and " + offer // either of the two alone leads to the other refusal
	}
	return &worded
}

// targets are the types that media are converted to, by class, the usual first, with a
// command that does it.
var targets = []struct {
	class   string
	kind    media.Type
	name    string
	command string
}{
	{"image", media.JPEG, "JPEG", "magick IN OUT.jpg"},
	{"image", media.PNG, "PNG", "magick IN OUT.png"},
	{"video", media.MP4, "MP4", "ffmpeg -i IN OUT.mp4"},
	{"audio", media.MP3, "MP3", "ffmpeg -i IN OUT.mp3"},
	{"audio", media.AAC, "AAC", "ffmpeg -i IN OUT.aac"},
}

// commands are the better ones for some types.
var commands = map[media.Type]string{
	media.HEIC:         "heif-convert -q 92 IN.heic OUT.jpg",
	media.HEIF:         "heif-convert -q 92 IN.heif OUT.jpg",
	media.AVIF:         "heif-convert -q 92 IN.avif OUT.jpg",
	"video/mp2t":       "ffmpeg -i IN -c copy OUT.mp4",
	"video/x-matroska": "ffmpeg -i IN -c copy OUT.mp4",
}

// conversion is what to do with a medium of a type that is not among the accepted ones.
func conversion(kind string, accepted []string) string {
	if !media.Type(kind).Medium() {
		return "use the media file itself, not a file that contains or describes it"
	}
	class, _, _ := strings.Cut(kind, "/")
	for _, to := range targets {
		if to.class != class || !slices.Contains(accepted, string(to.kind)) {
			continue
		}
		command := to.command
		if better, known := commands[media.Type(kind)]; known && (to.kind == media.JPEG || to.kind == media.MP4) {
			command = better
		}
		return fmt.Sprintf("convert it to %s, for example with: %s", to.name, command)
	}
	return "use an account at a vendor that accepts " + kind
}

package spec

import (
	"slices"

	"github.com/mediaferry/mediaferry/internal/convert"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Admitted is under which type and name a medium is sent.
type Admitted struct {
	media.Found
	// Original is what the source holds, if the account converts media.
	Original *upload.Original
}

// admit says how a medium is sent that is right for an account.
func (s *Spec) admit(found media.Found, content upload.Content, account Account) Admitted {
	if !account.Convert {
		return Admitted{Found: found}
	}
	a := Admitted{Found: found, Original: &upload.Original{Size: content.Size, Type: content.Type}}
	if s.refuse(content, account) != nil {
		a.Type, a.Name = convert.Target, media.Rename(found.Name, convert.Target)
		a.Original.Convert, a.Original.Most = true, s.mostOfTarget(account)
	}
	return a
}

// Converts reports whether an account converts a medium that is right for it.
func (s *Spec) Converts(content upload.Content, account Account) bool {
	return account.Convert && s.refuse(content, account) != nil
}

// most is how many bytes a medium of the range may have.
func (r Range) most(account Account) int64 {
	if account.MaxBytes > 0 {
		return account.MaxBytes
	}
	return r.MaxBytes
}

// mostOfTarget is how many bytes a converted picture may have; 0 if the vendor takes none.
func (s *Spec) mostOfTarget(account Account) int64 {
	for _, r := range s.Takes {
		if slices.Contains(r.Types, string(convert.Target)) && (r.Setting == "" || account.On(r.Setting)) {
			return r.most(account)
		}
	}
	return 0
}

// convertible reports whether an account could have a medium converted that its vendor
// does not take as it is.
func (s *Spec) convertible(content upload.Content, account Account) bool {
	return convert.Knows(media.Type(content.Type)) && s.mostOfTarget(account) > 0
}

// converting is what becomes of a refusal at an account that may convert: nil if the
// medium is converted, else the refusal with a hint that leads on.
func (s *Spec) converting(refused *upload.Error, content upload.Content, account Account) error {
	if !s.convertible(content, account) {
		return refused
	}
	kind := media.Type(content.Type)
	switch lacks := convert.Lacks(kind); {
	case !account.Convert:
		if hint := s.offer(content, account); hint != "" {
			refused.Hint += "; or " + hint
		}
		return refused
	case lacks != "":
		return invalid("account %s converts %s, but no program is installed that decodes it", account.Name, kind).WithHint("%s", lacks)
	case content.Size > convert.MostBytes:
		return convert.TooLarge(content.Size)
	}
	return nil
}

// offer is the hint to have a medium converted; "" if that would not lead on.
func (s *Spec) offer(content upload.Content, account Account) string {
	if account.Convert || !s.convertible(content, account) || content.Size > convert.MostBytes {
		return ""
	}
	hint := "set convert: true for account " + account.Name
	if account.Name == "" {
		hint = "set convert: true for the account"
	}
	if lacks := convert.Lacks(media.Type(content.Type)); lacks != "" {
		hint = lacks + ", and " + hint
	}
	return hint
}

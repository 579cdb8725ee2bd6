package spec

import (
	"path"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/convert"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// CheckContent says what is wrong with a medium for an account of this vendor:
// its type, its size. A picture that the account converts is right.
func (s *Spec) CheckContent(content upload.Content, account Account) error {
	if content.Size < 1 {
		return invalid("the file is empty")
	}
	refused := s.refuse(content, account)
	if refused == nil {
		return nil
	}
	return s.converting(refused, content, account)
}

// refuse says why the vendor does not take a medium as it is; nil where it does.
func (s *Spec) refuse(content upload.Content, account Account) *upload.Error {
	var types []string
	for _, r := range s.Takes {
		off := r.Setting != "" && !account.On(r.Setting)
		if !slices.Contains(r.Types, content.Type) {
			if !off {
				types = append(types, r.Types...)
			}
			continue
		}
		if off {
			return invalid("%s accepts %s only if the account has %s: true", s.Name, content.Type, r.Setting).
				WithHint("set it if the vendor has enabled that for you")
		}
		return s.checkSize(content.Size, r.most(account))
	}
	if content.Type == "image/heic" || content.Type == "image/heif" {
		return invalid("%s does not accept HEIC", s.Name).WithHint("%s", conversion(content.Type, types))
	}
	return invalid("%s does not accept %s; it accepts %s", s.Name, content.Type, strings.Join(types, ", ")).
		WithHint("%s", conversion(content.Type, types))
}

// CheckName compares the name that an item asks for with the first bytes of its
// source, as was done with the source's own name. It accepts an item that asks for
// none. A picture that is converted may be named after what it becomes, too.
func (s *Spec) CheckName(item upload.Item, head []byte, original *upload.Original) error {
	if s.NameField == "" {
		return nil
	}
	name := item.Fields.String(s.NameField)
	if name == "" {
		return nil
	}
	if kind, _ := media.TypeOf(name); kind == convert.Target && original != nil && original.Convert {
		return nil
	}
	found, err := media.Check(head, name, item.ContentType)
	if err != nil {
		worded := *upload.AsError(err, upload.StepClaim)
		worded.Hint = strings.Replace(worded.Hint, "rename it to ", "set "+s.NameField+" to ", 1)
		return &worded
	}
	return s.checkExtension(name, found.Type)
}

// CheckExtension is the part of CheckName that needs no bytes.
func (s *Spec) CheckExtension(item upload.Item) error {
	if s.NameField == "" || !s.NeedsExtension {
		return nil
	}
	name := item.Fields.String(s.NameField)
	if name == "" {
		return nil
	}
	if _, known := media.TypeOf(name); known {
		return nil
	}
	kind := media.Type("") // what a URL ends with says nothing
	if item.Local() {
		kind, _ = media.TypeOf(media.CleanName(item.Source))
	}
	return s.checkExtension(name, kind)
}

func (s *Spec) checkExtension(name string, kind media.Type) error {
	if _, known := media.TypeOf(name); known || !s.NeedsExtension {
		return nil
	}
	refused := invalid("the name %q must end in an image extension", name)
	if kind.Extension() == "" {
		return refused.WithHint("add the extension of the file's type, for example .jpg")
	}
	return refused.WithHint("the file is %s, so the name must end in %s", kind, kind.Extension())
}

func (s *Spec) checkSize(size, most int64) *upload.Error {
	if size > most {
		return invalid("the file has %d bytes, and %s accepts at most %d", size, s.Name, most).
			WithHint("make the file smaller; if the vendor accepts larger files, set the account's max_bytes")
	}
	return nil
}

func invalid(format string, args ...any) *upload.Error {
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, format, args...)
}

// FileName is the name under which a medium is sent: that of NameField, where the
// row has one, else the source's own. A .tif becomes a .tiff, and what is converted gets
// the extension of what it becomes.
func (s *Spec) FileName(item upload.Item, content upload.Content) string {
	name := ""
	if s.NameField != "" {
		name = item.Fields.String(s.NameField)
	}
	if name == "" {
		return content.Name
	}
	if content.Converts() {
		return media.Rename(name, convert.Target)
	}
	if ext := path.Ext(name); strings.EqualFold(ext, ".tif") {
		return strings.TrimSuffix(name, ext) + ".tiff"
	}
	return name
}

package wiring

import (
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// Named are the products, entities and files that an item's fields name: the values of
// its vendor's identifiers.
func Named(item upload.Item) []string {
	vendor, err := vendors.Find(item.Vendor)
	if err != nil {
		return nil
	}
	var names []string
	for _, field := range vendor.Spec().Fields {
		if field.Identifier {
			names = append(names, texts(item.Fields[field.Name])...)
		}
	}
	return names
}

// texts are the texts of a field, which has one or is a list of some.
func texts(value any) (all []string) {
	switch value := value.(type) {
	case string:
		all = append(all, value)
	case []string:
		all = append(all, value...)
	case []any:
		for _, one := range value {
			all = append(all, texts(one)...)
		}
	}
	return all
}

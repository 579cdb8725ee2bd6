package upload

import "time"

// Listed is a medium that a vendor lists beside that of an item, as of the same product.
type Listed struct {
	ID     Text      `json:"id"`
	Title  Text      `json:"title"`
	URL    string    `json:"-"` // from which it can be read; it may be signed
	MadeAt time.Time `json:"-"` // zero where the vendor does not say
}

package closient

// What Closient does not document, and we assume. The IDs are those of
// docs/vendors/closient.md.
var assumed = struct {
	maxBytes int64
}{
	maxBytes: 10 << 20, // CL-3: the limit that the vendor has for CSV files
	// CL-1: there is no deduplication: a second POST is a second image.
	// CL-2: priority is not used.
	// CL-4: 404 is an unknown organization or product, 403 a member without the
	//       permission.
	// CL-5: two shapes of refusals; see refusal.
	// CL-7: no call tells about the key itself; the simulator has none.
	// CL-6: deleting an image changes no other.
}

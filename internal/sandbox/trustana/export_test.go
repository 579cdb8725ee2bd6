package trustana

// ForgetArrival takes the note of an arrival out, as if the process had been killed
// before it was written.
func (t *Vendor) ForgetArrival(uploadID string) {
	t.table.Update(uploadID, func(m *medium) bool {
		m.Arrived, m.Received, m.Size, m.SHA256 = 0, 0, 0, ""
		return true
	})
}

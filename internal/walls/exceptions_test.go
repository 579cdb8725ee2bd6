package walls

// namesVendors are the sources that may name a vendor, beside the vendors' own
// folders.
var namesVendors = []exception{
	{"internal/vendors/vendors.go", "the registry"},
	{"starter/commands/demo_catalogue.go", "the sample catalogue"},
	{"internal/sandbox/registry.go", "the registry of simulators"},
}

// decidesOnKinds are the sources that may decide on the kind of an error, beside
// package flow.
var decidesOnKinds = []exception{
	{"internal/upload/errors.go", "lists all kinds"},
	{"internal/batch/examine.go", "an error about the source of a row refuses the row; any other ends the reading of the manifest"},
	{"internal/manifest/page.go", "a manifest that seems to have changed is listed again, to say what changed"},
	{"internal/report/totals.go", "a refused row took no time, so it does not count in the times of a report"},
	{"starter/commands/manifest.go", "chooses the exit status"},
	{"starter/commands/batch_start.go", "chooses the exit status"},
}

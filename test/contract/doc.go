// Package contract holds the vendors' failure tables against the real
// program: every call of every vendor meets every answer that its table lists,
// once and for good, and what becomes of the upload, of the requests and of the
// vendor's media is compared with what the table says.
//
// It consists of tests only. The workflows, activities, vendors, transfers,
// ledger and HTTP clients are the real ones; the vendors are those of package
// sandbox, and the workflows' time passes by itself. A vendor that has no table
// here, or no simulator to hold it against, fails the suite by name.
package contract

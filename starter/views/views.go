// Package views owns what people and programs are shown of batches, accounts, uploads
// and workers, whatever shows it: the command line and the page make the same objects
// from the ledger, with the same names. It refuses to change anything, and to print.
package views

// Package nodetest runs node kinds without a broker and holds whole catalogues to the
// rules of the SDK.
//
// Start at [Examples], which runs every example of every kind, and [Conformance],
// which checks specs, determinism and the size of deltas. [Run] runs one kind on
// records of the caller's; tests of single kinds use it for what examples can't say.
// A catalogue of a third party is tested with the same two functions.
package nodetest

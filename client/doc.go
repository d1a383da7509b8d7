// Package client speaks to the API of a Sluice coordinator. The command line uses it, and so may
// programs: every call is one request, bounded in time by its context, with the nouns of package
// coordinator in and out. An answer that is an error is a *coordinator.Fault, with the same words
// and diagnostics as everywhere else.
//
// Start reading at [New].
package client

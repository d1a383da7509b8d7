// Package endpoint opens what listens. It holds one rule, which every listener of Sluice goes
// through: nothing listens where other machines can reach it without TLS 1.2 or later, unless the
// operator says so, and then that is logged.
//
// It knows nothing of what is served. Start reading at [Listen].
package endpoint

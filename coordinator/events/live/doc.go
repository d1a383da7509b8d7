// Package live is the one WebSocket of the API: the events of a principal's project, as they
// happen. What is spoken on it is written down in docs/events.md.
//
// A request is refused before the upgrade unless all is right: the address keeps to its rate,
// the connection is safe, the page's origin is on the list, and a ticket names a principal. A
// socket only reads; it ends when the principal is not good any more, when the client is dead,
// and when it does not keep up. Every refusal is told to an [Audit].
//
// It knows nothing of how tickets, keys and logs are kept. Start reading at [New]; admit has
// the order of the checks, session what happens behind them.
package live

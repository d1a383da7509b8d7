// Package events keeps what happens to the jobs of a project in one bounded stream,
// SLUICE_EVENTS, so that who looks later sees the last of it, and tells it live to any number
// of viewers, each with a bounded buffer of its own.
//
// It knows nothing of HTTP requests, of users' rights or of how jobs run: live is its
// WebSocket, the API has its routes. Start reading at [Open]; [Log.Emit] is how events come
// in, [Log.Since] and [Log.Last] how they are seen.
package events

// Package audit keeps a project's audit log: a stream of its own, SLUICE_AUDIT, bounded by age
// and by bytes, to which every coordinator adds and which nobody changes.
//
// It keeps who did, or was refused, what: never a token, a payload or a secret. What looks like
// a token is cut out of whatever it is given. Start reading at [Open].
package audit

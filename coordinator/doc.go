// Package coordinator holds the nouns of the control plane: the jobs that users asked for and
// what has become of them, saved recipes, keys and roles, workers and events, and the errors
// that every part of it answers with. It is data and the rules on it: no I/O, no clock of its
// own, and of this module it imports recipe alone.
//
// The packages below it give it life: store keeps it on JetStream, lead makes what exists
// follow what is wanted, auth says who may do what, api speaks HTTP. Start reading at [Job].
package coordinator

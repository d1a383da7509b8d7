// Package natsconf writes what a NATS server has to know of Sluice: an account for each project,
// who may connect to it, what each of Sluice's roles may publish and subscribe to, and how much
// may be stored. The embedded server is configured by the same text as one that stands alone.
//
// It knows the names of subjects and nothing else of what travels there; it never connects.
// Start reading at grants.go, the tables of permissions; then [Setup].
package natsconf

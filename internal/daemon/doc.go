// Package daemon puts the rooms of the control plane together to the processes of a cluster: a
// coordinator, a worker, and both with an embedded server in one (up). It is what the service
// commands are made of, and what tests of the API start.
//
// It reads no flags. Start reading at [NewCoordinator].
package daemon

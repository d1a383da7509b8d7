package main

import "sluice/cmd/sluice/settings"

// The settings of the services, to be embedded in their commands: each brings all flags, and
// what is wrong with them as a whole is told before the command runs.
type (
	coordinatorFlags = settings.Coordinator
	workerFlags      = settings.Worker
	upFlags          = settings.Up
)

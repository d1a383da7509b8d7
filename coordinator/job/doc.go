// Package job runs the coordinator's side of one job: it provisions the job's streams
// and consumers, tells the workers, folds the ledger, helps gates whose frames the server
// expired, watches for progress, and decides the end. What it decides with is
// protocol.Accountant; what it knows survives it in the job's own streams.
//
// It never sees a record, and knows nothing of kinds or of who works.
//
// Start reading at [Run].
package job

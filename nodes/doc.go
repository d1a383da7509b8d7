// Package nodes is the SDK for node kinds: what a kind says of itself ([Spec]),
// how it behaves ([Processor] and the optional interfaces beside it), what comes in
// and goes out ([Record], [Call]) and what it may touch ([Env]).
//
// One kind is one file in a category's folder below this one. Everything else is
// drawn from its spec: validation, help, schemas, reference pages, and its examples
// run as tests. There is no registration: a catalogue is built from explicit tables
// ([NewCatalogue]), so a worker can serve a subset.
//
// The package knows nothing of NATS, of jobs or of workers.
package nodes

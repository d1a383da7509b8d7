// Package secret keeps the secrets of a project and brings them to the nodes that name them.
//
// In the store they are encrypted by AES-256-GCM under a master key that is not there, each
// bound to its project and name. On the wire they are sealed to the key of the worker that asks,
// which it makes anew at each start: so what is stored and what is captured tells nothing. A
// worker gets a secret when it announced that key, may run the node, and the job's plan names
// the secret in that node; there is no other way to read one.
//
// A value is in no log and no error. Start reading at [New]; [Server] is the coordinator's end of
// the wire, [Source] the worker's.
package secret

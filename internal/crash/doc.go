// Package crash holds the tests that kill: the whole process with SIGKILL at moments
// spread over a run, a step's loop at each point between two effects of the protocol, and
// workers in processes of their own. Whatever is killed, the outputs must be byte for
// byte those of the undisturbed run.
//
// SLUICE_KILLS says how many moments each recipe is killed at; `make lasting` sets 50.
//
// Start reading at recipes_test.go, which lists what is run, then kills_test.go.
package crash

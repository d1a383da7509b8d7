// Package contained holds the test of the whole in containers: the images of deploy/Dockerfile
// are built and looked into, and then three NATS servers, a coordinator and two workers run from
// them on a network of their own, while servers are cut off and processes are killed under a job.
//
// It needs a Docker engine on this machine; without one the tests are left out, and with CI=true
// they fail. Nothing is pulled. What the tests make, they remove.
//
// Start reading at cutoff_test.go.
package contained

// Package faults holds the tests of a cluster under faults: real servers, coordinators and
// workers as processes of their own, struck while jobs run. Whatever is struck, the outputs
// must be byte for byte those of an undisturbed run, every job must come to its end, and
// nothing may be left behind.
//
// It must not know what is inside the processes: it starts them, asks the API and the
// server, and reads what came out. Builds that are broken on purpose are made by replacing
// a line of the source, never by a switch in the program.
//
// Start reading at faults_test.go, which runs the table of inject_test.go on the clusters
// of cluster_test.go and holds the ends against check_test.go.
package faults

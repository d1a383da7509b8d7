// Package lead makes what exists follow what is wanted. Of several coordinators one leads, by a
// lease; it looks at every job that was changed, and now and then at all of them, and does what
// brings each nearer to what its user wants: run it, bring it to rest, end it, delete it. All of
// that may be done twice and be cut off anywhere: the next leader goes on from what is stored.
//
// It does not answer questions and knows nothing of HTTP. Start reading at [Run]; desk.go decides
// what is due of a job, runner.go runs one.
package lead

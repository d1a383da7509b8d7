// Package dead reads the dead letters that jobs have left and prepares their replay: which
// letters there are, which of them a replay has taken, what plan the replay runs, and the
// kind of source that gives it the letters. Running the replay, as a job like any other, is
// the caller's.
//
// A letter is replayed once, whatever crashes. A mark in the state of the job that made
// the letter names the replay that has it, and the replay's own job record is what makes
// the mark count: marks are written first, so a crash before the record leaves marks that
// name no job and mean nothing, and after it the replay is an unfinished job, to be gone
// on with. What a replay that failed had taken can be taken again.
//
// Start reading at [Store].
package dead

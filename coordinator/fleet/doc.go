// Package fleet knows the workers of one project: who is there and what each serves, which
// kinds were ever announced, what printers print, and how many frames wait for each kind.
//
// It reads what workers say of themselves and tells nobody what to do. It knows nothing of
// HTTP or of how jobs run. Start reading at [Open].
package fleet

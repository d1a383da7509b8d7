// Package hostile holds no code, only tests: what is thrown at the real binary that no
// honest user would throw at it. Each case asks for a clear error that says where and
// why, for a bound on memory, and for an end.
//
// Start reading at check in hostile_test.go.
package hostile

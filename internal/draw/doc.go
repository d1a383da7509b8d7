// Package draw writes a compiled plan for people: as text with all its subjects,
// streams and limits, and as a Mermaid or DOT graph. It does no I/O but to the writer
// that it is given, and its output is a function of the plan.
package draw

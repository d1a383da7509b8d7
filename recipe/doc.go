// Package recipe holds the nouns of Sluice: the recipe document, its types, the
// compiled plan, ordinals and diagnostics. It is pure data: no I/O, no goroutine,
// no clock, and it imports nothing but the standard library and a YAML decoder.
//
// Start reading at [Document] for what a user writes and at [Plan] for what the
// compiler makes of it.
package recipe

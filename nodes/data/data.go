// Package data holds the kinds that read, choose from and reshape structured records:
// JSON, CSV, jq queries, expressions, tables to look up in.
//
// Records of type json are texts; the kinds that must look inside decode them to Go
// values (decode.go) so that no integer loses a digit, and write them back with the
// keys of an object in the order of their names (encode.go). Start reading at [Kinds].
package data

import "sluice/nodes"

// Kinds is the table of this category.
var Kinds = []nodes.Kind{
	Filter,
	Lookup,
	Map,
	ParseCSV,
	ParseJSON,
	Select,
	ToJSON,
}

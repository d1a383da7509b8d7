package recipe

// The codes of diagnostics. Their numbers are stable: a code is never given another
// meaning. The hundreds say which phase of the compiler finds the fault.
const (
	CodeSyntax    Code = "SL001"
	CodeTooLarge  Code = "SL002"
	CodeField     Code = "SL003"
	CodeTwice     Code = "SL004"
	CodeValue     Code = "SL005"
	CodeName      Code = "SL006"
	CodeMissing   Code = "SL007"
	CodeEmpty     Code = "SL008"
	CodeTests     Code = "SL009"
	CodeTypeName  Code = "SL010"
	CodeLoad      Code = "SL101"
	CodeInclusion Code = "SL102"
	CodeDeep      Code = "SL103"
	CodeNodes     Code = "SL104"
	CodeOpen      Code = "SL105"
	CodeMisplaced Code = "SL106"
	CodeParam     Code = "SL111"
	CodeNoParam   Code = "SL112"
	CodeBadParam  Code = "SL113"
	CodeUnused    Code = "SL114"
	CodeReference Code = "SL115"
	CodeSecret    Code = "SL116"
	CodeKind      Code = "SL201"
	CodeNode      Code = "SL202"
	CodePort      Code = "SL203"
	CodeUnwired   Code = "SL204"
	CodeSource    Code = "SL205"
	CodeSink      Code = "SL206"
	CodePlain     Code = "SL207"
	CodeDuplicate Code = "SL208"
	CodeSelf      Code = "SL209"
	CodeEdge      Code = "SL210"
	CodeSetting   Code = "SL211"
	CodeColumn    Code = "SL212"
	CodeTestNode  Code = "SL213"
	CodeMismatch  Code = "SL301"
	CodeUntyped   Code = "SL302"
	CodeTestValue Code = "SL303"
	CodeNoSetting Code = "SL401"
	CodeNeeded    Code = "SL402"
	CodeBad       Code = "SL403"
	CodeRefused   Code = "SL404"
	CodeShared    Code = "SL405"
	CodeCycle     Code = "SL501"
	CodeNoSource  Code = "SL502"
	CodeLanes     Code = "SL601"
	CodeBacklog   Code = "SL602"
	CodeNoInput   Code = "SL701"
)

// Meaning is one row of the table of codes.
type Meaning struct {
	Code Code
	Text string // one sentence, for the docs
}

// Codes returns the table of all codes, in order.
func Codes() []Meaning {
	return []Meaning{
		{CodeSyntax, "The text is neither YAML nor JSON."},
		{CodeTooLarge, "The document passes a bound on its size, its depth or what its aliases stand for."},
		{CodeField, "A field is not one that the document has at this place."},
		{CodeTwice, "A key is given twice."},
		{CodeValue, "A value has the wrong form, such as a list where a text is wanted."},
		{CodeName, "A name of a node, parameter or port is not made of a-z, 0-9 and _, or is reserved."},
		{CodeMissing, "A field that must be given is missing."},
		{CodeEmpty, "The recipe has no nodes."},
		{CodeTests, "A case of the tests block is not well formed."},
		{CodeTypeName, "A type is not one of bool, int, float, string, bytes, json, list<T>."},
		{CodeLoad, "The recipe that a node includes cannot be read."},
		{CodeInclusion, "A recipe includes itself, directly or by way of others."},
		{CodeDeep, "Recipes include each other too deeply."},
		{CodeNodes, "The recipe has too many nodes, the included ones counted."},
		{CodeOpen, "A recipe with open ports cannot run by itself, only inside another."},
		{CodeMisplaced, "A field does not belong to this sort of node, such as config on an included recipe."},
		{CodeParam, "A parameter is used that the recipe does not declare."},
		{CodeNoParam, "A parameter without default was not given a value."},
		{CodeBadParam, "A parameter's value or default does not have its type."},
		{CodeUnused, "A value is given for a parameter that the recipe does not declare."},
		{CodeReference, "A reference that starts with ${ is not of the form ${name}, or stands right behind a backslash in a string of a program."},
		{CodeSecret, "A reference to a secret is malformed, or stands where secrets are not resolved, such as in a program."},
		{CodeKind, "A node has a kind that the catalogue does not have."},
		{CodeNode, "An edge comes from a node that the recipe does not have."},
		{CodePort, "An edge names a port that the node does not have."},
		{CodeUnwired, "An input port has no edge."},
		{CodeSource, "An edge leads into a source."},
		{CodeSink, "An edge leads out of a sink."},
		{CodePlain, "A kind with several input ports is given a plain from."},
		{CodeDuplicate, "The same output leads twice into the same port."},
		{CodeSelf, "A node reads its own output."},
		{CodeEdge, "An edge's capacity, overflow or ttl is not possible."},
		{CodeSetting, "A node's parallel, on_error, retry, max_dead or pool is not possible."},
		{CodeColumn, "field or into is used where a kind cannot work inside a record."},
		{CodeTestNode, "A test names a node or port that the recipe does not have."},
		{CodeMismatch, "The type of an output does not suit the input that it leads to."},
		{CodeUntyped, "The type of a port cannot be told from the edges."},
		{CodeTestValue, "A record of a test does not have the type of the port."},
		{CodeNoSetting, "A setting is not one that the kind has."},
		{CodeNeeded, "A setting that must be given is missing."},
		{CodeBad, "A setting's value is not allowed."},
		{CodeRefused, "The kind refuses these settings together."},
		{CodeShared, "Two nodes use what only one may use: both write one file, or both read the standard input."},
		{CodeCycle, "Nodes read each other in a circle."},
		{CodeNoSource, "No node of the recipe is a source, so nothing would ever happen."},
		{CodeLanes, "Too many ways lead to one node."},
		{CodeBacklog, "The edges together could hold more than is allowed."},
		{CodeNoInput, "A cluster has nothing for a node to read: no standard input, or no worker that touches files."},
	}
}

package recipe

import "time"

// Bounds that hold everywhere; see docs/limits.md for the reasons.
const (
	FrameRecords = 256       // records in a frame, at most
	FrameBytes   = 32 << 10  // bytes of records in a frame, unless one record alone is larger
	InlineBytes  = 512 << 10 // a frame's payload up to this travels in the message, beyond it by reference
	MaxRecord    = 16 << 20  // a record beyond this is a dead letter
	MaxFile      = 16 << 30  // a file of a project, and what a sink makes in a cluster
	MaxParts     = 1000      // parts that one step may cut one frame into
	MaxOutput    = 64 << 20  // bytes that one step may make of one frame
	MaxMade      = 2_000_000 // and records
	PartRecords  = 4096      // records in a frame below a node that made so many

	MaxNodes    = 10_000 // nodes of a recipe, after composition
	MaxLanes    = 256    // lanes of a step
	MaxDepth    = 16     // levels of composition
	MaxDocument = 8 << 20

	StreamEdges = 64 // edges that share one stream
	OpenSplits  = 4  // S: splits of a source open at once
	SplitWindow = 64 // W: frames of a split in flight towards ordered steps
	WindowBytes = 64 << 20

	DefaultCapacity = 256
	DefaultAttempts = 3
	DefaultBackoff  = 100 * time.Millisecond
	DefaultMaxDead  = 100_000
)

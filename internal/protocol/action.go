package protocol

import (
	"time"

	"sluice/recipe"
)

// ID names a frame in hand; the driver numbers them upwards in the order of arrival.
type ID uint64

// Frame is what a machine knows of a frame that a driver received.
type Frame struct {
	Ord       recipe.Ordinal // with the lane of the reader
	Parts     recipe.Parts
	EndSplit  bool
	EndSource bool
	Records   int64
	Bad       bool          // the payload's checksum is wrong
	Age       time.Duration // since the server stored it
	Seq       uint64        // of the message in its stream: tells a message delivered again from a copy
}

// Op is what an action asks the driver to do.
type Op uint8

// The operations. The answer to each is named after it.
const (
	OpCompute Op = iota // make frames of frame ID under Verdict, or as Follow says → Computed
	OpCommit            // write Entry to the ledger, first one wins; one that is Done has a subject of its own → Committed
	OpLookup            // read the ledger's first entry (not Done) for the frame → Looked
	OpPublish           // put part Part of frame ID on out-edge Edge, as Entry says (LostAt: empty) → Published
	OpAck               // acknowledge the message(s) of frame ID; it is out of the machine's hands
	OpBeat              // tell the broker that frame ID is still being worked on
	OpMark              // read the job's mark for the frame's source → Marked
	OpEffect            // make the effect of an arrival sink happen, idempotent by ordinal → Effected
	OpWake              // call Tick after After

	OpCut    // read one frame N from offset Start; up to offset Until if that is ≥ 0 → WasCut
	OpSave   // write the checkpoint by compare-and-set → Saved
	OpRecall // read the checkpoint that is stored: is it the one that was to be saved? → Recalled
	OpReturn // give the split back, to be delivered again after After
	OpFinish // acknowledge the split: it is done

	OpCapture // take the state's change since the last capture, for checkpoint Save
	OpSeal    // make the sink's result appear → Sealed
	OpFail    // fail the job: the node made Entry of frame ID, and the ledger's entry, Follow, says something else
	OpRestart // this reign or attempt is over: start again from the checkpoint
)

// DeadLetters is the Edge of an OpPublish that puts a frame's dead letters, LettersAtOnce in
// each Part.
const DeadLetters = -1

// Action is one thing that a machine asks its driver to do. Which fields mean
// something depends on Op.
type Action struct {
	Op      Op
	ID      ID
	Verdict Verdict
	Entry   *Entry
	Follow  *Entry // OpCompute: the entry that must be followed
	Edge    int
	Part    int
	After   time.Duration

	Start, Until int64       // OpCut
	N            uint64      // OpCut
	Checkpoint   *Checkpoint // OpSave, OpCapture
	SplitState   SplitState  // OpSave of a source
	Ended        []int       // OpCompute of an owner: input ports that end with this frame
	Finish       bool        // OpCompute of an owner: the whole input ends with this frame
}

// Result is how an operation on the broker went.
type Result uint8

// The results.
const (
	OK      Result = iota
	Refused        // full subject, entry exists, or another revision: the operation did not happen
	Failed         // no answer: it may or may not have happened
)

// Rules switches single rules of the protocol off, for the simulation that shows what
// each of them is for. The zero value is the protocol.
type Rules struct {
	PublishFirst     bool // publish before the commit
	SourceUncommit   bool // sources publish before the commit and follow nobody's entry
	FoldEachStep     bool // entries are purged below each step's own mark
	NoWindow         bool // sources do not wait for ordered steps
	NoAhead          bool // sources do not keep to the job's mark
	NoYield          bool // a split without credit keeps its slot
	NoMark           bool // an arrival sink does not read the mark before its effect
	ClaimOnly        bool // an arrival sink makes no second entry
	NoClaim          bool // an arrival sink commits only after its effect
	NoFollow         bool // an owner applies a frame without looking for an entry
	NoRelayFollow    bool // a relay whose commit is refused publishes what it made itself
	NoSourceFollow   bool // and so does a source
	OneEntry         bool // dead letters are not confirmed by a second entry
	AckUndone        bool // a split is acknowledged before its checkpoint says done
	NoBytes          bool // sources do not look at the bytes that ordered steps hold
	MarksFall        bool // marks follow whoever told a place last
	NoCompare        bool // who follows an entry does not look whether it made what the entry says
	NoRecall         bool // a save that is refused was somebody else's, even where one went unanswered
	NoCount          bool // a gate's frames are published again though they may be stored
	IgnoreCheckpoint bool // the fold passes the checkpoints of unfinished splits
}

// twice reports whether a frame has a second entry; see [Entry.Twice].
func (r Rules) twice(e *Entry, arrival bool) bool {
	if arrival {
		return !r.ClaimOnly
	}
	return e.Twice(false) && !r.OneEntry
}

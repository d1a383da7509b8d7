package bus

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/recipe"
)

// Names are the streams and subjects of one job. Everything of a job lies under
// sluice.<job>, and its streams are named SLUICE_<job>_…, so that they can be swept by
// name.
type Names struct{ Job recipe.JobID }

// JobsStream keeps one record per job, on the subject that JobSubject names.
const JobsStream = "SLUICE_JOBS"

const jobsPrefix = "sluicejobs."

// JobsFilter matches the records of all jobs.
const JobsFilter = jobsPrefix + "*"

// JobSubject returns the subject of a job's record.
func JobSubject(job recipe.JobID) string { return jobsPrefix + string(job) }

// JobOf returns the job whose record has that subject.
func JobOf(subject string) recipe.JobID { return recipe.JobID(strings.TrimPrefix(subject, jobsPrefix)) }

// Fill puts the job's id in the place of {job} in a plan's name.
func (n Names) Fill(s string) string { return strings.ReplaceAll(s, "{job}", string(n.Job)) }

// Prefix is what the names of the job's streams begin with.
func (n Names) Prefix() string { return "SLUICE_" + string(n.Job) + "_" }

// Ledger is the stream of commits: the first of a (step, ordinal) wins.
func (n Names) Ledger() string { return n.Prefix() + "LEDGER" }

// State is the stream of the job's small values, one a subject, by compare-and-set.
func (n Names) State() string { return n.Prefix() + "STATE" }

// Journal is the stream of the ordered steps' checkpoints: the first of a revision wins.
func (n Names) Journal() string { return n.Prefix() + "JOURNAL" }

// Dead is the stream of dead letters.
func (n Names) Dead() string { return n.Prefix() + "DEAD" }

// Splits is the stream with the queues of the sources.
func (n Names) Splits() string { return n.Prefix() + "SPLITS" }

// Input is the stream with the input logs of live sources.
func (n Names) Input() string { return n.Prefix() + "INPUT" }

// Values is the stream of large values.
func (n Names) Values() string { return n.Prefix() + "VALUES" }

// Later is the stream that is made when a worker asks for it.
func (n Names) Later(which Later) string {
	switch which {
	case LaterDead:
		return n.Dead()
	case LaterInput:
		return n.Input()
	}
	return n.Values()
}

// Made is where it is kept that such a stream was made.
func (n Names) Made(which Later) string { return n.subject("state", "made", string(which)) }

// Streams are the streams that a job has from its provision to its end. For the others see Later.
func (n Names) Streams(plan *recipe.Plan) []string {
	all := []string{n.Ledger(), n.State(), n.Splits()}
	for i := range plan.Steps {
		if plan.Steps[i].Role == recipe.RoleOrdered {
			all = append(all, n.Journal())
			break
		}
	}
	for i := range plan.Streams {
		all = append(all, n.Fill(plan.Streams[i].Name))
	}
	return all
}

func (n Names) subject(parts ...string) string {
	return "sluice." + string(n.Job) + "." + strings.Join(parts, ".")
}

// LedgerEntry is the subject of the entry of a step for a frame that a source cut. The
// second entry of a frame has a subject of its own.
func (n Names) LedgerEntry(source, step int, o recipe.Ordinal, done bool) string {
	s := n.subject("ledger", strconv.Itoa(source), strconv.Itoa(step), o.String())
	if done {
		s += ".done"
	}
	return s
}

// LedgerStep matches a step's entries.
func (n Names) LedgerStep(step int) string { return n.subject("ledger", "*", strconv.Itoa(step), ">") }

// LedgerSource matches all steps' entries for frames that a source cut.
func (n Names) LedgerSource(source int) string { return n.subject("ledger", strconv.Itoa(source), ">") }

// LedgerAll matches the whole ledger.
func (n Names) LedgerAll() string { return n.subject("ledger", ">") }

// StateAll matches the job's whole state.
func (n Names) StateAll() string { return n.subject("state", ">") }

// Fold is where the coordinator writes what it has folded.
func (n Names) Fold() string { return n.subject("state", "fold") }

// Rest is what the ledger held when the job came to rest.
func (n Names) Rest() string { return n.subject("state", "rest") }

// Failure is where a worker writes why the job must fail.
func (n Names) Failure() string { return n.subject("state", "failure") }

// Lease is the right to run an ordered step.
func (n Names) Lease(step int) string { return n.subject("state", "lease", strconv.Itoa(step)) }

// SplitList is the list of a source's splits.
func (n Names) SplitList(step int) string { return n.subject("state", "splits", strconv.Itoa(step)) }

// Split is the checkpoint of a split.
func (n Names) Split(step int, split uint32) string {
	return n.subject("state", "split", strconv.Itoa(step), strconv.FormatUint(uint64(split), 10))
}

// StateKey takes a state subject apart: "fold", "rest", "failure", "lease", "splits" or "split",
// and the numbers behind it.
func (n Names) StateKey(subject string) (key string, numbers []int) {
	rest := strings.TrimPrefix(subject, n.subject("state")+".")
	tokens := strings.Split(rest, ".")
	for _, t := range tokens[1:] {
		v, _ := strconv.Atoi(t)
		numbers = append(numbers, v)
	}
	return tokens[0], numbers
}

// JournalEntry is the subject of revision rev of a step's journal.
func (n Names) JournalEntry(step int, rev uint64) string {
	return n.subject("journal", strconv.Itoa(step), strconv.FormatUint(rev, 10))
}

// JournalStep matches a step's journal.
func (n Names) JournalStep(step int) string { return n.subject("journal", strconv.Itoa(step), "*") }

// JournalAll matches every step's journal.
func (n Names) JournalAll() string { return n.subject("journal", ">") }

// DeadKey is what one message with dead letters that a step made of a frame has in its
// subject: the frame's ordinal, and the number of the message among those of the frame.
type DeadKey struct {
	Step int
	Ord  recipe.Ordinal
	Part int
}

func (k DeadKey) tokens() string {
	return strconv.Itoa(k.Step) + "." + k.Ord.String() + "." + strconv.Itoa(k.Part)
}

func parseDeadKey(tokens string) (k DeadKey, ok bool) {
	step, rest, _ := strings.Cut(tokens, ".")
	ordinal, part, _ := strings.Cut(rest, ".")
	var errs [3]error
	k.Step, errs[0] = strconv.Atoi(step)
	k.Ord, errs[1] = recipe.ParseOrdinal(ordinal)
	k.Part, errs[2] = strconv.Atoi(part)
	return k, errs == [3]error{}
}

// DeadLetters is the subject of dead letters.
func (n Names) DeadLetters(k DeadKey) string { return n.subject("dead", k.tokens()) }

// DeadKey takes such a subject apart.
func (n Names) DeadKey(subject string) (k DeadKey, ok bool) {
	return parseDeadKey(strings.TrimPrefix(subject, n.subject("dead")+"."))
}

// Replayed is the subject of the mark that says which replay has the dead letters of a
// message.
func (n Names) Replayed(k DeadKey) string { return n.subject("state", "replayed", k.tokens()) }

// ReplayedAll matches all marks.
func (n Names) ReplayedAll() string { return n.subject("state", "replayed", ">") }

// ReplayedKey takes the subject of such a mark apart.
func (n Names) ReplayedKey(subject string) (k DeadKey, ok bool) {
	return parseDeadKey(strings.TrimPrefix(subject, n.subject("state", "replayed")+"."))
}

// DeadAll matches the job's dead letters.
func (n Names) DeadAll() string { return n.subject("dead", ">") }

// DeadStep matches a step's dead letters.
func (n Names) DeadStep(step int) string { return n.subject("dead", strconv.Itoa(step), ">") }

// SplitQueue matches what waits for a source. Each subject under it holds one message, so
// that nothing waits there twice, however late it is put again.
func (n Names) SplitQueue(step int) string { return n.subject("split", strconv.Itoa(step), "*") }

// SplitOrder is the subject of the order to list a source's splits.
func (n Names) SplitOrder(step int) string { return n.subject("split", strconv.Itoa(step), "list") }

// SplitWaiting is the subject of a split that waits.
func (n Names) SplitWaiting(step int, split uint32) string {
	return n.subject("split", strconv.Itoa(step), strconv.FormatUint(uint64(split), 10))
}

// SplitsAll matches the queues of all sources.
func (n Names) SplitsAll() string { return n.subject("split", ">") }

// InputChunk is the subject of chunk c of a live source's input log.
func (n Names) InputChunk(step int, c uint64) string {
	return n.subject("input", strconv.Itoa(step), strconv.FormatUint(c, 10))
}

// InputStep matches a source's input log.
func (n Names) InputStep(step int) string { return n.subject("input", strconv.Itoa(step), "*") }

// InputAll matches every source's input log.
func (n Names) InputAll() string { return n.subject("input", ">") }

// Place is the subject on which an ordered step tells its watermark, and the coordinator
// the job's mark for a source. It is not stored.
func (n Names) Place(step int) string { return n.subject("at", strconv.Itoa(step)) }

// PlaceAll matches the watermarks of all steps.
func (n Names) PlaceAll() string { return n.subject("at", "*") }

// Consumer is the name of the durable consumer by which a step reads an edge (or, with an
// empty edge, a source its splits). generation counts the starts of the job, epoch the
// reigns over an ordered step.
func (n Names) Consumer(step int, edge recipe.EdgeID, generation, epoch uint64) string {
	s := "step" + strconv.Itoa(step)
	if edge != "" {
		s += "-" + string(edge)
	}
	s += "-g" + strconv.FormatUint(generation, 10)
	if epoch > 0 {
		s += "-r" + strconv.FormatUint(epoch, 10)
	}
	return s
}

// LastNumber returns the number in a subject's last token.
func LastNumber(subject string) uint64 {
	v, _ := strconv.ParseUint(subject[strings.LastIndexByte(subject, '.')+1:], 10, 64)
	return v
}

// Failing is the subject on which a worker tells at once that the job must fail. It is
// not stored; the state's Failure is.
func (n Names) Failing() string { return n.subject("failing") }

// Resting is the subject on which a worker tells that the job must rest, for want of
// room. It is not stored: there may be no room for it.
func (n Names) Resting() string { return n.subject("resting") }

// PlaceStep returns the step whose watermark has that subject, -1 when it is none.
func (n Names) PlaceStep(subject string) int {
	v, err := strconv.Atoi(strings.TrimPrefix(subject, n.subject("at")+"."))
	if err != nil {
		return -1
	}
	return v
}

// ValuesPrefix is what the subjects of the job's large values begin with.
func (n Names) ValuesPrefix() string { return n.subject("value") }

// PieceName is the name of a piece of a large state of an ordered step, as one revision saves it.
func PieceName(step int, revision uint64, piece int) string {
	return fmt.Sprintf("state%d-%d-%d", step, revision, piece)
}

// PieceOf returns of which step and revision a large value is a piece, if it is one.
func PieceOf(name string) (step int, revision uint64, ok bool) {
	n, _ := fmt.Sscanf(name, "state%d-%d-", &step, &revision)
	return step, revision, n == 2
}

// Chores is the subject on which workers ask the coordinator for a [Chore].
func (n Names) Chores() string { return n.subject("chores") }

// Console is the subject on which printers of the job print: a Printed. It is not stored.
func (n Names) Console() string { return n.subject("console") }

// ConsoleOf returns the job whose printers print on a subject that [Consoles] matches.
func ConsoleOf(subject string) recipe.JobID {
	return recipe.JobID(strings.TrimSuffix(strings.TrimPrefix(subject, "sluice."), ".console"))
}

// Consoles matches what the printers of all jobs print.
const Consoles = "sluice.*.console"

// Alive is the subject on which workers tell what they are at: a Sign. It is not stored.
func (n Names) Alive() string { return n.subject("alive") }

package natsconf

// Role is one of the parts of Sluice that connect to a NATS server.
type Role string

// The roles. A project has two accounts: what its jobs store, and its control plane. Only
// the first is reachable for workers, since in an account a client that may use JetStream can
// have the server write to any subject: as the reply of a request, or of a pull.
const (
	Worker      Role = "worker"      // runs the nodes of a project's jobs
	Coordinator Role = "coordinator" // provisions and watches a project's jobs
	Control     Role = "control"     // a coordinator again, in the account of the control plane
)

// Inbox is what the subjects begin with to which answers to a role come. A coordinator's are
// those of every NATS client; a worker's lie below them, so that it can't hear a coordinator's.
func Inbox(r Role) string {
	if r == Worker {
		return "_INBOX.worker"
	}
	return "_INBOX"
}

// Grant is one subject that a role may use, which may have wildcards, and why.
type Grant struct{ Subject, Why string }

// Grants are what a role may publish and subscribe to. What is not there is refused, but for
// answers, where Answers says so: those to a request that has come.
type Grants struct {
	Publish   []Grant
	Subscribe []Grant
	Deny      []Grant // of Publish, whatever is there
}

// GrantsOf returns the table of a role.
func GrantsOf(r Role) Grants {
	switch r {
	case Worker:
		return workerGrants
	case Coordinator:
		return coordinatorGrants
	case Control:
		return controlGrants
	}
	return Grants{}
}

// workerGrants: a worker neither creates, changes, deletes nor purges a stream; for that it asks
// the coordinator (bus.Chore). Names of streams and consumers are single tokens, so the API's
// subjects can't be narrowed to the streams of jobs: but there are no others in its account that
// hold anything which a worker must not see.
var workerGrants = Grants{
	Publish: []Grant{
		{"sluice.*.*", "frames on the edges of jobs; failing, resting, alive and chores: what a worker tells the job's coordinator"},
		{"sluice.*.ledger.>", "what a step did with a frame; the stream keeps the first word"},
		{"sluice.*.state.failure", "why a job must fail"},
		{"sluice.*.state.lease.*", "the right to run an ordered step, by compare-and-set"},
		{"sluice.*.state.splits.*", "the list of a source's splits, once"},
		{"sluice.*.state.split.*.*", "the checkpoint of a split, by compare-and-set"},
		{"sluice.*.journal.*.*", "the checkpoints of an ordered step"},
		{"sluice.*.dead.>", "dead letters"},
		{"sluice.*.split.*.*", "the queue of a source: its splits wait there"},
		{"sluice.*.input.*.*", "the input log of a live source"},
		{"sluice.*.value.>", "large values, by name"},
		{"sluice.*.at.*", "the place of an ordered step, told to the sources"},
		{"sluicefiles.c.o.>", "the chunks of the files that sinks make; those of uploads and all manifests are the coordinator's"},
		{"sluicefiles.j.*.*", "that a sink has made its file, once"},
		{"sluiceworkers.*", "what the worker says of itself at each beat"},
		{"sluicekinds.*.*.*", "what it says of the kinds that it serves"},
		{"$JS.ACK.>", "acknowledges and gives back what it has in hand"},
		{"$JS.API.CONSUMER.CREATE.*.*", "reads a whole stream in order"},
		{"$JS.API.CONSUMER.CREATE.*.*.>", "reads the subjects of a step in order; takes an ordered step over"},
		{"$JS.API.CONSUMER.DELETE.*.*", "ends such a reading; deletes the consumer of the owner before"},
		{"$JS.API.CONSUMER.NAMES.*", "finds the consumer of the owner before"},
		{"$JS.API.CONSUMER.INFO.*.*", "makes sure behind a reconnect that its consumer is still there"},
		{"$JS.API.CONSUMER.MSG.NEXT.*.*", "asks for frames"},
		{"$JS.API.STREAM.INFO.*", "how full an edge is"},
		{"$JS.API.STREAM.NAMES", "whether the streams of a job are gone"},
		{"$JS.API.STREAM.MSG.GET.*", "reads a ledger's entry or a checkpoint from the leader"},
		{"$JS.API.DIRECT.GET.*", "reads a message by its number from any replica"},
		{"$JS.API.DIRECT.GET.*.>", "reads the last message of a subject from any replica"},
	},
	Subscribe: []Grant{
		{Inbox(Worker) + ".>", "answers, and the frames that it asked for"},
		{"sluice.*.at.*", "the places of ordered steps, for which sources wait"},
	},
	Deny: []Grant{
		{"$JS.API.STREAM.MSG.GET.SLUICE_CONTROL", "for who keeps the control plane in the same account: its secrets and keys"},
		{"$JS.API.DIRECT.GET.SLUICE_CONTROL", "the same, from a replica"},
		{"$JS.API.DIRECT.GET.SLUICE_CONTROL.>", "the same, by subject"},
		{"$JS.API.CONSUMER.CREATE.SLUICE_CONTROL.>", "the same, read in order"},
		{"$JS.API.CONSUMER.MSG.NEXT.SLUICE_CONTROL.>", "the same, by a consumer of somebody else"},
		{"$JS.API.CONSUMER.DELETE.SLUICE_CONTROL.>", "and nobody else's reading of it is ended"},
		{"$JS.API.STREAM.MSG.GET.SLUICE_AUDIT", "the audit log, in the same case"},
		{"$JS.API.DIRECT.GET.SLUICE_AUDIT", "the same"},
		{"$JS.API.DIRECT.GET.SLUICE_AUDIT.>", "the same"},
		{"$JS.API.CONSUMER.CREATE.SLUICE_AUDIT.>", "the same"},
		{"$JS.API.CONSUMER.MSG.NEXT.SLUICE_AUDIT.>", "the same"},
		{"sluice.audit.*", "and nobody writes there what was not done"},
		{"sluice.control.*", "nor a record of the control plane"},
		{"sluice.events.*", "nor an event"},
	},
}

// coordinatorGrants: the coordinator does all that JetStream offers in the account of a project,
// except to move its content past the account.
var coordinatorGrants = Grants{
	Publish: []Grant{
		{"sluice.>", "all that is stored or told of jobs; it helps where a worker died"},
		{"sluicejobs.*", "the records of jobs, on which workers act"},
		{"sluicefiles.>", "uploads, and the manifests of all files"},
		{"sluiceworkers.*", "removes the word of a worker that is gone"},
		{"sluicekinds.>", "removes what was said of kinds"},
		{"$JS.API.>", "makes, reads, purges and deletes the streams and consumers of jobs"},
		{"$JS.ACK.>", "acknowledges what it reads in a worker's place"},
		{Inbox(Worker) + ".>", "answers what workers ask it"},
	},
	Subscribe: []Grant{
		{"_INBOX.>", "answers"},
		{"sluice.>", "what workers tell and ask; taps of edges"},
		{"$JS.EVENT.ADVISORY.>", "what the server tells of streams and consumers"},
	},
	Deny: snapshots,
}

// controlGrants are those of coordinators in the account of the control plane.
var controlGrants = Grants{
	Publish: []Grant{
		{"sluice.control.>", "the records of the control plane, by compare-and-set"},
		{"sluice.events.>", "events of jobs"},
		{"sluice.audit.>", "the audit log"},
		{"sluice.preflight.*", "what it stores to see whether the server keeps it"},
		{"sluice.ask.>", "what one coordinator asks another"},
		{"$JS.API.>", "makes and reads the streams of the control plane"},
		{"$JS.ACK.>", "acknowledges what it reads"},
		{"_INBOX.>", "answers what other coordinators ask"},
	},
	Subscribe: []Grant{
		{"_INBOX.>", "answers"},
		{"sluice.>", "what other coordinators tell and ask"},
		{"$JS.EVENT.ADVISORY.>", "what the server tells of streams and consumers"},
	},
	Deny: snapshots,
}

// snapshots moves whole streams, which nothing in Sluice does.
var snapshots = []Grant{
	{"$JS.API.STREAM.SNAPSHOT.*", "a copy of a whole stream: an operator's business"},
	{"$JS.API.STREAM.RESTORE.*", "the same, the other way"},
	{"$JS.API.ACCOUNT.>", "moves and removes a whole account's content"},
}

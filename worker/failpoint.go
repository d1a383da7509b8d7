package worker

// Point is a place between two effects of the protocol at which a test can kill a step's
// loop.
type Point string

// The places.
const (
	AfterReceive  Point = "receive"
	BeforeCommit  Point = "commit"
	AfterCommit   Point = "committed"
	BeforePublish Point = "publish"
	AfterPublish  Point = "published"
	BeforeAck     Point = "ack"
	BeforeSave    Point = "save"
)

// Failpoint is asked at each place; true kills the step's loop there: everything it held
// is forgotten, nothing more is sent, and a new loop starts as another worker's would.
type Failpoint func(p Point, step int) bool

// killed is what a loop ends with when a failpoint strikes.
type killed struct{ at Point }

func (k killed) Error() string { return "killed at " + string(k.at) }

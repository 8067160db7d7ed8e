package placement

// Standing is what a server may be used for, from what people decided and what its health is.
type Standing int

// The standings, from worst to best.
const (
	// Gone: offline, disabled or removed. Nothing goes there, and its claims hold no create back.
	Gone Standing = iota
	// Held: cordoned or draining. It keeps its meetings and takes no new ones.
	Held
	// Doubtful: it fails. It keeps its meetings and takes new ones only when nobody else can.
	Doubtful
	// Unproven: not seen yet, answering again and on its way back, or answering very slowly. It takes new meetings before
	// one that fails does.
	Unproven
	// Open: it takes new meetings.
	Open
)

// Server is what the ledger needs to know of a server.
type Server struct {
	ID       string
	Weight   float64
	Capacity int  // people; 0 is no limit
	Hard     bool // no new meeting goes beyond the capacity
	Tag      string
	Standing Standing
	Slow     bool // it takes its time for answers: what is there counts double
}

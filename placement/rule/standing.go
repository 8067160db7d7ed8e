package rule

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

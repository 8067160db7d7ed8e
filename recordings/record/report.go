package record

// Progress is how far a long work has come.
type Progress struct {
	Done    int    `json:"done"`
	Total   int    `json:"total"`             // 0 while it is not known
	Current string `json:"current,omitempty"` // what is being worked on
	Problem string `json:"problem,omitempty"` // with Current; the work goes on
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind     string `json:"kind"`               // missing, orphan, misplaced, leftover, stuck, unreadable, skipped
	RecordID string `json:"recordID,omitempty"` // of the recording it is about
	Format   string `json:"format,omitempty"`
	Path     string `json:"path,omitempty"`
	Text     string `json:"text"` // what is wrong, and what was done or can be done about it
	Repaired bool   `json:"repaired"`
}

// Kinds of findings.
const (
	Missing    = "missing"    // the index has a format that the disk has not
	Orphan     = "orphan"     // the disk has a format that the index has not
	Misplaced  = "misplaced"  // a format is where its state does not belong
	Leftover   = "leftover"   // of something that was broken off, or deleted
	Stuck      = "stuck"      // an import that nothing happens to any more
	Unreadable = "unreadable" // it cannot be looked at
	Skipped    = "skipped"    // nothing of it was wanted
)

// MaxFindings is how many findings are listed.
const MaxFindings = 10_000

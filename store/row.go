package store

import "context"

// Row is a record of any kind as it is written: see package rows.
type Row struct {
	Kind  string // of [Kinds]
	Key   []byte // names it among those of its kind
	Value []byte
}

// Whole is a group of roles as one heap of rows: for what copies, keeps or checks a store, and never for what works on it.
type Whole interface {
	// Dump calls each with every row of the group as of one moment: kind by kind in the order of [Kinds], and of one kind in
	// the order of the keys, each as it is written today. An error of each ends it, and is returned as it is. Rows are the
	// callee's until it returns.
	Dump(ctx context.Context, each func(Row) error) error
	// Load writes rows, all or nothing, each in the place of what has its name. The records become what they would be had
	// the roles written them; what they are found by does, too.
	Load(ctx context.Context, list []Row) error
	// Wipe takes away everything, for good.
	Wipe(ctx context.Context) error
}

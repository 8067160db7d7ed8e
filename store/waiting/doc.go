// Package waiting lets a pool go on while the database of its index is away: what must be written to the index waits in a
// bounded journal that the next leader finds, and everything else fails at once.
//
// It owns the journal's entries in the state ([store.Waiting]), the order in which they are written, and the knowledge that
// the index is away. It never answers from what waits, nor that there is no such session while it waits, and never gives up what
// it has acknowledged, but for what the index refuses for good, and for what does not fit into the journal: both are counted, and
// said.
//
// # What waits
//
// Sessions with the usage of their meetings and what front ends are told of their ends, usage, entries of the audit log, events
// of servers, what servers owe of recordings, and what they have called back. An entry is acknowledged once the state has it,
// and is taken away once the index has it. While something waits, what is written is queued behind it. What a server has
// called back is refused where it does not fit: it can tell it again.
//
// # Once and not twice
//
// An entry may be done twice: by who dies before it is taken away, or by two leaders in succession. All are harmless then,
// but for usage, which adds up. It is added in one transaction with a session that is none, the mark: of the tenant "", with
// the end of all times, under the entry's ID, and of a server that nobody else can name. A second one is refused by the rule
// that no server may rewrite the sessions of another, and with it what would be added once more. Marks are never shown, and
// are taken away later.
//
// A session whose outcome nobody knows, because the index went away in the middle, is looked for first: where it stands as
// it was to be, its usage was added with it, or before it. A database that was hung may do what it was asked long ago, so
// this waits until the index has answered for a while.
package waiting

// Package placement decides which server a new meeting goes to, and owns the ledger: the one serialised record of
// which meeting is where, who is in it and who is still expected.
//
// # The rule
//
//  1. A meeting counts as the people in it, plus those still expected: the expectation fades to nothing over its first
//     20 minutes.
//  2. Expected is what this room had the last three times; if it is new, what the front end announces, corrected by how
//     its announcements turned out; else the tenant's average.
//  3. A meeting that regularly brings 50 or more people on this weekday keeps a place, a seat, from 20 minutes before its
//     usual start until 10 minutes after it.
//  4. A new meeting goes where (people + expected + kept + its own expectation) / weight is smallest; of equals, where
//     fewer meetings are, then by lot.
//     A server that takes 2 s or more for its answers has half its weight meanwhile.
//  5. Joins count at once, one person or link once; polls correct the count.
//
// A server that would be filled beyond its capacity comes after all that would not, or is out of the question where
// that is a hard limit. A breakout room goes where its parent is, and nobody is counted in it. The rule itself is package
// rule.
//
// # Tenants
//
// What a tenant may have is part of the question ([Wish].Limits): meetings at once and by the hour are counted, and refused, in
// the step that places one, so that they are exact; people by the counts as they stand (Ledger.Admit). What is known already no
// limit refuses, for the front end would lose a class that runs. The counts are kept as meetings come and go (package quota).
// The hour is no record of its own: claims and history have it.
//
// Servers know a meeting by one ID for its life, its alias, and no two meetings of the pool have the same: a server would take
// a create by it for a repeat, and let the second tenant into the first one's meeting. So the ID is part of the decision, too
// (ErrForeign), and no meeting goes to a server that owes the end of another tenant's by its ID. What is owed of a meeting is
// that meeting's alone: of another tenant's by the same ID nothing is over but the very copy that was ended.
//
// # The history
//
// Of every session a row is stored, with a keyed hash in place of the meetingID. Package forecast knows the last ten weeks
// of them: the last sizes of each room, the hours of those that once were large, how each tenant's announcements turned
// out, and how busy the weeks were (Capacity). Nothing is read from the store for a decision.
//
// # The book and the ledger
//
// A [Book] (package book) is pure memory: which meeting is where, who is in it, who is still expected, which seats are held, and
// what follows from the history. It answers, it proposes what should be done next, and it changes by values alone: a [Change]
// has the time and everything else in it that the change depends on.
//
// The [Ledger] is a book with a lock, turns and a store, and what the rest of the program talks to. It asks its book what to
// do, applies that, writes it down, and applies the opposite where the store refuses. A simulation drives a book without any
// of that.
//
// The package makes no calls to servers and starts no goroutines. It hears from others what a server's standing is
// (SetServer), what a poll saw (Reconcile), how a create went (Creation) and what was ended (Ending), and says what follows
// from that.
//
// # Ends, and what comes back
//
// An end is told to front ends once, and rightly, so the ledger tells apart why a claim is closed: the server has said so, by a
// poll or by calling back (Ended), two polls have not seen the meeting (Vanished), its server is lost or removed (Lost, Removed),
// it is elsewhere (Moved), or people have given it up while it may go on (Forgotten). The session has the reason, and where the
// front end wants to be called back, which the claim had from the create that made it; it is stored before the claim goes.
//
// A meeting whose end was told and that goes on all the same, with people in it, is another one: a claim that is placed now, with
// all that the one before had, and a session whose ID has that time in it, so that its end is told, too. Which meetings these are
// the book remembers for a day, and the history for ever (Parts.Former). The ID follows from the claim and what is stored, so
// that a crash, or another leader, comes to the same one. Nobody in it means that it stays over. One that was only given up, or
// has moved, goes on as what it was.
//
// # Several instances
//
// Of several processes that share a store one decides, as long as its term lasts ([Ledger.Lead], [Ledger.Follow]); who that is
// others settle, by a lease that the store compares with every write. It tells the others of its book as it stands, and then
// of every change (Tell); they hear (Hear), and so have a book that answers the same. A ledger that follows answers, and
// decides nothing: what would fails with ErrFollower. Only joins count wherever they are sent, for they are many and nothing
// follows from them that could contradict: they are reported to the one that decides (Report, Take), and come back with its
// changes. Until they do they count beside the book where a limit is asked for. Each has a number, so that one that is
// reported again, since nobody knows whether it arrived, is no second one, also where another instance leads by then.
//
// An instance alone leads from its start on, and pays for none of this.
//
// # Design
//
// Decision and record are one step. Of 200 creates in one second each has to see those before it, or all of them go to the
// server that was emptiest before the first. So a proposal is applied under the same lock under which it was made, before
// anything is written. Writing first, and deciding again where somebody else was faster, would be right as well, but of 200
// creates nearly all would have to do it again.
//
// The claim is durable before a server is asked, with the numbers that it was decided by, since a meeting that a server has
// and no claim says so is lost to all who want to join it after a crash. It leaves memory only after the store. So the two
// agree also when writes fail: what the store did not take is taken back (ClaimTakenBack), what it did not remove stands.
//
// Why there are turns. The lock is never held over a call to the store, for every join needs it and a commit takes as long
// as the disk wants. But between a decision and the end of its write nobody else may decide about the same meeting: two
// creates of one room would place it twice, a poll would close what is just being placed, an end would remove what is not
// there yet. So whoever changes where a meeting is, be it a create, an adoption or an end, has that meeting's turn, for as
// long as it takes, calls to servers included; others wait for it in the order in which they came, or leave the meeting
// alone if they cannot wait, as polls do (package turns). Joins wait for the outcome of a create, and only where the meeting is
// nowhere else yet.
//
// What the ledger keeps in memory alone (counts, expectation, seats, who waits) can be had again from the claims, the history
// and the next polls.
//
// A failed write is held against the store for a minute. Only another write can tell that it has recovered, and that may
// never come: nobody is sent here to create meetings while the process says that it cannot create any. Without the limit a
// disk that was full for a moment would take the process out of service until somebody restarts it; without the memory,
// readiness would come and go with every call, and whoever asks for it now and then would never hear of the failure.
//
// What a server has made is in the book before it is stored, and stays there where that fails, for the meeting goes on and people
// are let in. It is stored by whoever confirms it again, or with the next poll of any server; a leader that finds it in its book,
// for it has heard of it, does the same. Whoever asks may not be told of it as of something durable before (Creation.Durable).
//
// An end that was acknowledged is a record of its own for each server that may have the meeting still (Ended): until that
// server is seen without it nothing by that ID is adopted, and it is ended wherever it is seen. A copy that nobody knew of
// shows at the first poll that sees its server whole: what comes up later is a new meeting, whatever clocks say. Until that
// poll a server that could not be looked at owes the end of whatever it has from before.
//
// Changes are values, so that others keep their books by applying what the one of the leader did: what a book answers depends
// on dozens of things (how a sum was reached, which seats were held, what was closed a minute ago), and whoever sends
// conclusions forgets one. A poll is in them as it was seen, since its conclusions are many and follow from the book. Some
// things are no changes, and are not followed. Turns belong to those who wait for them in this process: a follower learns
// that a create is under way (CreateBegun, or ClaimPlaced where the meeting is new) and asks the leader for its outcome
// (ErrUnderWay). How the last write went is between this process and its store. The configuration, and the key of the rooms'
// names, are the same for all instances, or they answer differently. What a tenant may have is in no book, it comes with the
// question: meetings are counted, and refused, by the leader, who alone places them; people by whoever sends them. The hours
// of rooms are by the wall clock of the time in a change, so times are put back into the pool's time zone where they arrive.
//
// Why a term begins with the store and not with the book. What was heard is a moment old when a leader dies, and what it did
// last may have been written and not told, or told and not written. The claims are the truth about where meetings are: what
// was acknowledged is there. So the book is brought in line with them (Book.Differences), and keeps what they do not have:
// who is in the meetings, and what the history says. To read that again takes seconds, in which every create would wait; it
// is read only where the book has not heard of it, and else from where the book stopped to hear, while creates go on.
//
// What was begun in a term is over with it, also where the same instance leads again: a create that is under way holds a turn
// of its term, and can write nothing in another one. The store tells first, mostly: a write that it refuses (store.ErrFenced) is
// the end of the create that wanted it, before this process knows that its term is over. What that create had placed stays as
// the store has it. Where it was handed on by another instance it has an ID ([Wish].Request), which is in the claim, so that the
// next leader knows a repeat from a second create by the same name ([Placement].Same).
package placement

// Package book is the record of which meeting is where, who is in it, who is still expected, which seats are held, and what
// follows from the history, as pure memory. It has no lock, no clock and no store, and starts nothing: whoever has a [Book]
// brings the time. It answers, it proposes what should be done next (Propose, Adoption, Confirmation, End), and it changes by
// values alone: [Book.Apply] takes a [Change], with the time and everything else in it that the change depends on. The rule
// that it places meetings by is in the comment of package placement, which has the one book that decides.
//
// # Two books that answer alike
//
// Another book that applies the same changes in the same order answers the same, to the last bit. What is drawn by lot is in
// them as what came of it (ClaimPlaced, SeatHeld), times are as the first one's clock had them, and a poll is in them as it
// was seen, since its conclusions are many and follow from the book. So sums are formed in one order, whoever forms them, and
// a question changes nothing.
//
// A book is handed over as it stands by changes, too ([Book.Snapshot]): an empty book that applies them is where the first
// one was then, and goes on with what came after. In them are sums as they are, and not what they are of, since rounding
// depends on the way by which a sum was reached.
//
// In another process changes arrive as frames ([Encode], [Decode]). A kind that the reader does not know is passed over, and
// so are fields: of two versions that run side by side, the newer one's must mean what was true before where they are absent.
package book

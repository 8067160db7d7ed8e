// Package callback is what BigBlueButton calls back: what it tells whom and how it signs it (told.go), in which queues that waits
// (outbox.go), how a release makes the call (way.go), where it does not go (rules.go), and what of it can be made to go wrong
// (fault.go). It never answers anything, and knows no hooks: those are package webhooks.
//
// Each server has an [Outbox] of its own. Ends wait in the one queue of bbb-web, which one thread sends in turn, so that a
// receiver that is slow to answer holds up all other ends of that server. What is told of recordings and of who was there comes
// from scripts, which work in turn as well, each apart from bbb-web.
package callback

// Package callback is what BigBlueButton calls back: what it tells whom and how it signs it (told.go), and how it sends that
// (outbox.go). It calls back as release 3.0.19 does.
//
// Other releases differ in both: how often an end is told, which addresses are called, in what order. Each such way is
// another set of the functions in told.go, and webhooks are more callbacks of that kind; what is sent stays a [Callback].
package callback

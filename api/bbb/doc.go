// Package bbb is the BigBlueButton protocol, both sides of it: what a front end sends and what a server answers.
//
// It owns the checksum over raw queries, the parameters, the rules for methods and bodies of each call, the XML in and
// out, the message keys, and a client for calling servers. It knows nothing of pools, tenants or claims, keeps no
// state beyond connections and where they led, and never decides what to do about an answer.
//
// # Bytes, not values
//
// A checksum covers the query exactly as it was sent: "+" and "%20", "%3a" and "%3A", a leading "&" all make a
// difference. A [Request] therefore keeps the raw text of every parameter beside its decoded value, and what is signed
// again for a server is that raw text. Values are only encoded anew where bbbpool itself changes them.
//
// Likewise an answer is passed on as the bytes that the server sent. [ParseMeetings] finds each meeting in a list
// without rebuilding it; it mends only those that would break the list for everybody: stray ampersands, control
// characters, tags that nobody closed. What is no business of front ends (the ID by which a server knows a meeting that has
// another one at its front end, marks in the metadata) is exchanged in place, and all else stays as it is: [Restore].
//
// # Two ways through it
//
// A call that comes in: request.go reads and verifies it (params.go, checksum.go, and package document for a body that is XML);
// meetings.go and xml.go are what it is answered with. A call that goes out: client.go makes it over transport.go, to where
// package resolver connects, with the secret that keys.go finds; whether what came back is the answer to it is in doubtful.go.
// reply.go reads that; meetings.go, created.go and recordings.go read more of it, by package markup.
//
// # Errors
//
// [Error] is an answer with returncode FAILED; it travels up as a Go error and is rendered at the surface, as HTTP 200,
// because that is where client libraries look for it. [CallError] says that a server could not be asked or gave no
// answer of BigBlueButton's.
package bbb

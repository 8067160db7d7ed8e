// Package relay hands requests on to the leader: whole, as they came in, and gives back the answer. It waits for a leader while
// there is none, and goes to the next one when one dies, as far as a request may be repeated. It knows nothing of what
// requests are about but that.
//
// What a request has lost on its way through another instance (its address, its host, who has sent it, by which scheme) goes
// along in headers, which are believed on the connection between instances alone. A request is handed on once: an instance
// that was handed one and does not lead refuses it, and whoever handed it on looks again who leads.
package relay

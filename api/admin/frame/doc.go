// Package frame is what the handlers of the administration share: it lets callers in, says who they are and what they may do,
// reads what they ask for, answers them, and writes down what they have changed.
//
// [Frame.Guarded] serves routes to the network, where it takes a token; [Frame.Trusted] to those that have access to the data
// directory anyway, as on the [Socket]; a [Gate] is the way in of those that administrate in another form.
//
// Each [Route] says who may call it: with which scopes, and how whoever sees one tenant alone is kept to that (package
// confine). One that says nothing is for nobody. Its [Handler] answers with a value that becomes JSON, with a [Changed] where
// it has changed something, which goes into the audit log before the answer goes out, with an [Unchanged] where it might have
// and has not; of a handler that says nothing of that, the log has what the request says. What takes long is a [Long], which
// is answered line by line and given up when nobody listens any more, and what is many lines is a [Table].
//
// It knows no noun: no server, tenant or recording. Of the others' errors it knows those alone that tell the caller something.
package frame

// Package v1 is version 1 of the operators' JSON API as its callers see it: every type that goes over the wire, and the
// client in Go that the command line uses.
//
// Of the program it imports the words for quantities alone, and nothing that serves. The server (package admin) turns what
// it knows into these types; what changes inside the pool does not change them by accident, and whoever only calls the API
// links no server. openapi.json describes the same types, and a test compares the two, both ways. Fields are only ever added.
//
// A [Client] has its calls by noun: client.Servers.List, client.Recordings.Show. It reaches a pool over the network with
// a token, over the socket of a data directory ([NewSocketClient]), or as a handler in the same process
// ([HandlerTransport]), where nobody serves the data directory and the command does so itself.
//
// What takes long is answered line by line ([Line]): the calls that return such answers are given a function that is told
// of the progress.
package v1

// Package access owns who may administrate the pool, and what is kept of what they have done: the tokens of administration
// ([Tokens]), what they are good for ([Grant]), and the audit log ([Log]).
//
// It never answers a request and knows no route: package admin asks it who a token belongs to, says with each route what is
// needed for it, and tells it of every change. Whoever else changes something on behalf of somebody tells it, too.
//
// A token itself is nowhere but in the hands of its holder: what is stored is a hash. What is changed about tokens is in
// force at the next call.
package access

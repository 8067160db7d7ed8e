// Package access owns who may administrate the pool, and what is kept of what they have done: the tokens of administration
// ([Tokens]), what they are good for ([Grant]), and the audit log ([Log]).
//
// It never answers a request and knows no route: package admin asks it who a token belongs to, says with each route what is
// needed for it, and tells it of every change. Whoever else changes something on behalf of somebody tells it, too.
//
// A token itself is nowhere but in the hands of its holder: what is stored is a hash. What is changed about tokens is in
// force at the next call.
//
// # Design
//
// A hash without salt, and no slow one, because a token is 32 bytes of chance: nobody finds one by trying, and every call has
// to verify one. It is looked up by that hash, so that 1,000 tokens cost what one costs.
//
// An entry of the audit log is stored before whoever has made the change has an answer, so that nobody has seen a change of
// which a crash leaves no trace. It is not in one transaction with the change: changes are of many kinds, and some are calls
// to servers. So a change may stand without its entry, which is counted and logged in full. What takes long has an entry when
// it begins, and another one when it ends. Masking is done twice, by the types of secrets and by the names of fields, because
// what is written once stays.
//
// Each instance holds the tokens in memory, and has to load them again when another one has changed them. Entries are
// written by the instance in which the change was made, under IDs that no other makes.
package access

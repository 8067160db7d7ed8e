// Package simulate replays a day against placement rules: ours, as package placement has them in production, and those
// of other load balancers, as their code has them. Who wants to know what a rule would have done on his own servers
// gives it a trace; who has none lets it generate one.
//
// It owns the form of a trace ([Meeting], [Read], [Writer]), the generated days, the peers' rules and what is measured
// ([Measures]). It talks to no server and knows no pool but the simulated one.
//
// # How a day is replayed
//
// A trace says when meetings were created, when they ended and how many people were in them. What began before the day
// is history. All the rest follows: people join and leave as the counts change, some send a join call too many, each
// rule's owner polls the servers as often as it does in reality, servers may die. A rule learns what it would learn in
// reality: from polls, from create and join calls. The same trace and seed give the same figures.
//
// Sessions of one room that overlap, as they do when it has lost its server and the old meeting goes on there, are replayed
// as one meeting, with the people of the fuller one: its rule decides once for a room that lives.
//
// Breakout rooms are left out: their people are counted in the meeting they came from, and stay on its server.
//
// # What it is not
//
// People are the only load. Where a peer looks at processors, memory, cameras or moderators, a simple model stands in
// for what the trace does not tell: such figures are rough. Nobody waits for a dead server to be found out, by any rule.
package simulate

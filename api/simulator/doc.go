// Package simulator is simulated BigBlueButton servers: the API of BigBlueButton 3.0, the life of meetings, callbacks
// and recordings, without any media. Demonstrations, other people's CI and our own tests run on it.
//
// It owns its listeners and all that happens on its servers. It knows nothing of pools, and never does what a real
// server would not do, except where somebody asks for it: through the methods of [Server], or over the control port.
//
// # What is where
//
// Package rooms is the meetings of a server and the people in them, recorded its recordings, callback what it calls back and
// how, fault the port that all is served on and what can go wrong there: each knows nothing of the others but of what comes
// out of it. [Server] puts them together behind one lock. In front of it are the API (api.go, a file for each call or few),
// the pages that browsers see (pages.go, browser.go), and the control port (control.go), which does what tests do by the
// methods of [Server] (traffic.go).
//
// # Faults
//
// A server has at most one [Fault]; Heal, or another fault, ends it. A server keeps its port throughout.
//
//	refuse       connections are refused, those that stood are cut
//	black-hole   packets vanish: new connections hang, requests on old ones are answered when it heals (Linux; elsewhere
//	             connections are made and then hang)
//	hang         requests are read and never answered; healing cuts them off
//	slow         requests are answered after "delay"; the work is done then, also for callers that have hung up
//	5xx          requests are answered with "status" (500) and a page of HTML
//	garbage      answers are noise
//	truncated    answers stop in the middle
//	malformed    answers hold text that is no XML
//
// All but the first two can be limited to some calls. The API's root counts as the call "api", pages as "page".
//
// # Callbacks
//
// A server calls back as its release does (Config.Release, 3.0.37 by default): up to 3.0.26 ends are told twice, since 3.0.27
// once, without redirects, and only where the URL rules allow the address. Nothing of a test or a demonstration passes these,
// for it is http on loopback, so they are off by default; Config.StrictURLs has them obeyed as a real server always does. Each
// server has one queue for ends, which it sends one after the other, and one for each kind of script that tells of recordings and
// of attendance. A meeting's recording counts as started when the first person comes, unless Config.Life.ManualRecording leaves
// that to autoStartRecording, to the button on the client's page, and to Record.
//
// Faults of the port leave what a server sends alone: one that is dead is refused and restarted. How long callbacks wait for an
// answer (5s, 10s since 3.0.27) is real time, whatever Config.Now says: tests of receivers that hang set Config.CallbackTimeout.
//
// With callbacks of each kind (end: meetingEndedURL, marks: meta_endCallbackUrl, ready, analytics, hook) at most one thing is
// wrong, from when it is asked for until it is healed, and with those alone that come up meanwhile:
//
//	twice        everything is told twice
//	never        nothing is told
//	late         it is told after "delay"
//	missigned    the signature is by another secret (not: end, marks)
//
// # Webhooks
//
// bbb-webhooks 3.5 answers hooks/create, list, destroy and ping, and tells hooks of what happens: of meetings (created, ended,
// recording started and stopped), of people who come and leave, and of recordings (rap-…). Config.NoWebhooks leaves it out.
// Hooks outlive a restart of the server, deliveries that wait do not. Emit tells of any other event. URL rules are none of its.
//
// # Another secret
//
// A server whose secret is changed (SetSecret) accepts the new one from then on, and the former one no more. Meetings and
// people stay. BigBlueButton has to be restarted for it: with a pause everything is answered as nginx does while bbb-web is
// away, with 502, and with the new secret after that. Who wants the meetings lost, too, restarts the server as well.
//
// # Control port
//
// One listener for all servers, on the host that the servers listen on, without authentication: keep it on loopback.
// It speaks JSON; errors are {"error":"…"}.
//
//	GET    /servers                                  all servers: fault, meetings, people, recordings, calls by name
//	GET    /servers/{id}                             one of them
//	PUT    /servers/{id}/fault                       {"kind":"slow","delay":"8s","calls":["create"]}
//	DELETE /servers/{id}/fault                       heals
//	POST   /servers/{id}/restart                     forgets all meetings
//	PUT    /servers/{id}/secret                      {"secret":"…","pause":"5s"}, as bbb-conf --setsecret does
//	POST   /servers/{id}/populate                    {"meetings":10,"people":200}
//	GET    /servers/{id}/meetings                    its meetings, with the create parameters and documents they got
//	POST   /servers/{id}/meetings/{m}/people         {"count":5,"voice":2,"video":1,"moderators":1}
//	DELETE /servers/{id}/meetings/{m}/people         everybody leaves, or ?count=N
//	POST   /servers/{id}/meetings/{m}/breakouts      {"rooms":2,"people":3,"record":true}, people in each room
//	POST   /servers/{id}/meetings/{m}/recording      {"on":true} starts the recording, false stops it
//	POST   /servers/{id}/meetings/{m}/end            ends it
//	GET    /servers/{id}/hooks                       how bbb-webhooks is set up, its hooks, how many deliveries wait
//	PUT    /servers/{id}/hooks                       {"absent":false,"algorithm":"sha256","bearer":false,"createdFirst":true,
//	                                                 "permanent":[{"url":"http://…","getRaw":false}]} sets it up anew
//	POST   /servers/{id}/events                      {"id":"user-raise-hand-changed","meeting":"room",
//	                                                 "attributes":{"user":{…}},"raw":{…}}; without raw all get the same
//	PUT    /servers/{id}/version                     {"version":"3.0.26","hidden":false}
//	PUT    /servers/{id}/url-rules                   {"strict":true,"protocols":["all"],"allowed":["pool.example"],"blocked":[]}
//	GET    /servers/{id}/callbacks                   version, rules, faults, how many wait, what became of the last 200 attempts
//	POST   /servers/{id}/callbacks/send              sends at once all that waits, due or not, and waits for the answers
//	PUT    /servers/{id}/callbacks/fault             {"kind":"late","delay":"30s","callbacks":["end","marks"]}; none: all
//	DELETE /servers/{id}/callbacks/fault             heals all, or those of ?callbacks=end,marks
package simulator

// Package webhooks is bbb-webhooks 3.5 on a simulated server: the calls that hooks are made and removed by (api.go), what is told
// of what happens there, as bbb-webhooks maps it and raw (events.go, recordings.go), and how that is signed, sent and given up
// (deliver.go).
//
// It owns the hooks of one server, which outlive a restart of BigBlueButton, and what waits to be sent to them, which does not.
// It never asks what goes on in a meeting: who has the meetings tells it, and may hold a lock meanwhile, for nothing here waits.
//
// In one thing it is kinder than bbb-webhooks, which sends each event as soon as it comes up: what is due for one hook is sent in
// the order in which it came up, one after the other. Hooks do not wait for each other, and what is sent again comes when it is
// due.
package webhooks

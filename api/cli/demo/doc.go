// Package demo is the commands that run simulated BigBlueButton servers: alone ([SimulatorCmd]), or with a whole pool in
// front of them ([Cmd]). They are apart from the other commands because they start what these only talk to.
package demo

// Package serverlist is a list of servers in YAML, in the form of Scalelite's servers:sync and servers:yaml: [Read] takes
// one, [Write] makes one that [Read] and Scalelite take.
//
// Such a list holds secrets. No error repeats a part of it that may be one.
package serverlist

// Package sources is what an operator names to be imported: the archives and the recordings that there are below a path, how a
// recording in directories is read, and how it is copied. It changes nothing there, and knows no import.
package sources

// Package library keeps the files of recordings, in directories laid out as BigBlueButton and Scalelite have them:
//
//	<published>/<format>/<recordID>/…    plays
//	<unpublished>/<format>/<recordID>/…  is kept, and plays for nobody
//	<deleted>/<format>/<recordID>/…      the trash
//
// Each of the three is a tree. Its own things are in .bbbpool inside a tree, which nobody else may read:
//
//	staging/<name>/<format>/<recordID>/  what was unpacked and waits for its place
//	aside/<name>/<recordID>.<format>/    what that is about to replace, until it has
//	copies/<recordID>.<format>/          what is on its way from a tree on another file system
//	doomed/…                             what is being deleted
//	notes/<xx>/<recordID>.json           what the index knows beyond the files; in the published tree alone
//
// # Crashes
//
// A format appears in a tree, and disappears from it, by one rename of its directory, so that nobody ever sees half of
// one. Whatever instruction a crash or a failing disk hits, calling again finishes the work. Two rules make that so:
//
//   - What is still staged is not in place: [Library.Place] puts it there, [Library.Discard] gives back what was set
//     aside for it. What is staged no more is in place, and what was set aside for it goes.
//   - Of two copies of a format, the one in the tree that its recording belongs to wins, unless it is a wreck (no
//     metadata.xml) and the other is not.
//
// # Links
//
// Nothing here follows a symbolic link below a tree, but those inside a recording that stay inside it. A link in the
// place of a format or a recording is an error, and alien to [Library.Walk], which says that it is one. The trees
// themselves may be links.
//
// The package knows no index: what state a recording is in, others tell it. It does not look at what is in the files, but
// for the list of text tracks: those that people have added stay when a newer presentation arrives.
package library

// Package archive reads what servers send: tar archives of recordings, plain or compressed with gzip or zstd. It knows
// no index, asks nobody, and never touches anything outside the directory that it is given. Of the library it takes one
// thing: what formats and recordings may be called there.
//
// An archive holds one or many formats of one or many recordings, each as BigBlueButton keeps it on its disk:
//
//	<format>/<recordID>/metadata.xml
//	<format>/<recordID>/…
//
// It comes from a machine that somebody else may have taken over, so nothing in it is believed. What a member may be:
//
//   - A file or a directory, or a hard link to a file before it, which becomes a file of its own. Symbolic links, devices,
//     FIFOs and sparse files are faults of the archive, and so are a member that is there twice and a file where there is
//     a directory. Names that differ in case differ.
//   - Named relative to the top, with or without "./" before it. A name with ".." or an empty element is a fault; so is one
//     longer than 1024 bytes, deeper than 16 levels, or outside of <format>/<recordID>/. Below that, files may be called
//     whatever the file system takes: what no address can name is kept, and shown to nobody.
//   - Not hidden, outside of a recording; within, files may be. What macOS and rsync leave behind (.DS_Store, ._name,
//     .AppleDouble, .rsync-partial, .~tmp~, .nfs…) is skipped wherever it lies.
//
// A directory that is read in its place, or copied, gets the same answers.
//
// Owners and modes of the archive are ignored: files get 0644 and directories 0755, less the umask. Times of
// modification are kept, so that a recording that arrives twice is the same for caches. Global PAX headers are ignored.
//
// The end counts as well. A tar archive ends with two blocks of zeros, and one without them is still being copied, as
// is one with more zeros behind them than any tar pads with. Anything else behind them is a fault: tar(1) would skip it
// in silence, and a recording could get lost that way.
package archive

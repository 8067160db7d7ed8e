package archive

// Limits bound what an archive may unpack to. A field that is zero stands for the one of DefaultLimits.
type Limits struct {
	Bytes int64 // of all files together
	Files int   // members of any kind, those that are skipped included; and so many directories

	// More is asked before so many more bytes of files are written; its error ends the unpacking, as it is. Nil is that
	// there is always room.
	More func(bytes int64) error
}

// DefaultLimits returns limits that no recording of a day reaches: 200 GiB and 100,000 files.
func DefaultLimits() Limits {
	return Limits{Bytes: 200 << 30, Files: 100_000}
}

// What no archive needs more of, and nobody has to set.
const (
	maxPath     = 1024      // bytes in the name of a member
	maxElement  = 255       // bytes between two slashes, as Linux has it
	maxDepth    = 16        // levels, format and record ID included
	maxMetadata = 1 << 20   // bytes in a metadata.xml
	maxRecords  = 500       // recordings
	maxTrees    = 1000      // formats of all recordings together
	maxKept     = 16 << 20  // bytes of all that the recordings tell: it is in memory until they are in the index
	maxWindow   = 128 << 20 // bytes that zstd may look back: --long=27
	maxPadding  = 1 << 20   // zeros behind the end; tar pads with 10 KiB at most unless it is told otherwise
)

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Bytes <= 0 {
		l.Bytes = d.Bytes
	}
	if l.Files <= 0 {
		l.Files = d.Files
	}
	return l
}

// stream is how long the tar archive itself may be, once it is decompressed. Headers and padding take less than 4 KiB
// for a member, unless somebody wants them to take more.
func (l Limits) stream() int64 {
	const perMember = 4 << 10
	most := int64(1<<62) - maxPadding
	if l.Bytes > most-perMember*min(int64(l.Files), most/perMember) {
		return most
	}
	return l.Bytes + perMember*int64(l.Files) + maxPadding
}

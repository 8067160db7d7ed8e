package archive

import "github.com/bbbpool/bbbpool/store"

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

// memory counts what the recordings of an archive take of the memory, from when they are read until they are in the index.
type memory struct {
	bytes int
	meta  map[string]*merged // by record ID
}

// merged is the metadata of all formats of a recording: what they agree about counts once.
type merged struct {
	bytes int
	keys  map[string]bool
}

// add counts one format of a recording, and tells when that is too much.
func (k *memory) add(t *Tree) error {
	name := t.name(metadataName)
	if k.bytes += weight(&t.Recording); k.bytes > maxKept {
		return errorf(name, "is too much: the recordings of the archive tell more than %d bytes, the limit", maxKept)
	}
	if k.meta == nil {
		k.meta = map[string]*merged{}
	}
	m := k.meta[t.RecordID]
	if m == nil {
		m = &merged{keys: map[string]bool{}}
		k.meta[t.RecordID] = m
	}
	for key, value := range t.Recording.Meta {
		if !m.keys[key] {
			m.keys[key] = true
			m.bytes += len(key) + len(value)
		}
	}
	if m.bytes > maxMeta {
		return errorf(name, "is too much: all metadata of the recording are more than %d bytes, the limit", maxMeta)
	}
	return nil
}

// weight is how many bytes of text a recording has.
func weight(r *store.Recording) int {
	n := len(r.MeetingID) + len(r.Name) + weightOf(r.Meta)
	for _, id := range r.BreakoutRooms {
		n += len(id)
	}
	for _, f := range r.Formats {
		n += len(f.Path)
		for _, i := range f.Images {
			n += len(i.Alt) + len(i.Path)
		}
	}
	return n
}

func weightOf(meta map[string]string) (bytes int) {
	for key, value := range meta {
		bytes += len(key) + len(value)
	}
	return bytes
}

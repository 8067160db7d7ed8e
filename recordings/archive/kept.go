package archive

import "github.com/bbbpool/bbbpool/store"

// kept counts what the recordings of an archive take of the memory, from when they are read until they are in the index.
type kept struct {
	bytes int
	meta  map[string]*merged // by record ID
}

// merged is the metadata of all formats of a recording: what they agree about counts once.
type merged struct {
	bytes int
	keys  map[string]bool
}

// add counts one format of a recording, and tells when that is too much.
func (k *kept) add(t *Tree) error {
	name := t.name(metadataName)
	if k.bytes += weight(&t.Recording); k.bytes > maxKept {
		return fault(name, "is too much: the recordings of the archive tell more than %d bytes, the limit", maxKept)
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
		return fault(name, "is too much: all metadata of the recording are more than %d bytes, the limit", maxMeta)
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

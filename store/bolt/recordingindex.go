package bolt

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt/group"
	"github.com/bbbpool/bbbpool/store/rows"
)

// recordingLinks carry what the filters ask for, so that rows are read for one page only.
func recordingLinks(r store.Recording) []link {
	tenant, state, place := string(rows.OfTenant(r.Tenant)), string(r.State), rows.PlaceOf(r.Start, r.RecordID)
	links := []link{
		{recordingsByID, tenant + r.RecordID, place[:rows.TimeSize] + state},
		{recordingsByStart, tenant + place, state},
		{recordingsByMeeting, tenant + rows.Sized(r.MeetingID) + place, state},
		{recordingsByState, tenant + rows.Sized(state) + place, ""},
	}
	for name, value := range r.Meta {
		links = append(links, metaLink(tenant, name, value, place, state))
	}
	if r.Owed != nil {
		links = append(links, link{recordingsOwed, r.RecordID, ""})
	}
	return links
}

// tally counts the recordings of one tenant in one state.
type tally struct{ count, bytes int64 }

// tallyOf reads a tally; there being none is an empty one.
func tallyOf(value []byte) tally {
	if value == nil {
		return tally{}
	}
	return tally{int64(binary.BigEndian.Uint64(value)), int64(binary.BigEndian.Uint64(value[8:]))}
}

func (y tally) value() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(y.count)), uint64(y.bytes))
}

// share is what one recording adds to which tally.
func share(r store.Recording) (key string, y tally) {
	y.count = 1
	for _, f := range r.Formats {
		y.bytes += f.Bytes
	}
	return string(rows.OfTenant(r.Tenant)) + string(r.State), y
}

// add adds to a tally, sign times. An empty one is forgotten.
func (t *txn) add(r store.Recording, sign int64) error {
	key, y := share(r)
	sum := tallyOf(t.get(recordingsCounted, []byte(key)))
	sum.count += sign * y.count
	sum.bytes += sign * y.bytes
	if sum.count == 0 {
		return t.delete(recordingsCounted, []byte(key))
	}
	return t.put(recordingsCounted, []byte(key), sum.value())
}

// indexAgain puts the recordings of schema 1 into the indexes that it did not have. It goes through the keys in their
// order, since bbolt splits its pages at the commit alone: keys that come as they like would be sorted into one page of
// all of them, in square time.
func indexAgain(tx *bbolt.Tx) error {
	var links []link
	tallies := map[string]tally{}
	err := bucket(tx, recordings).ForEach(func(key, value []byte) error {
		r, err := recordingTable.read(key, value)
		if err != nil {
			return err
		}
		for _, l := range recordingLinks(r) {
			if l.bucket == recordingsByState || l.bucket == recordingsByMeta {
				links = append(links, l)
			}
		}
		name, y := share(r)
		sum := tallies[name]
		tallies[name] = tally{sum.count + y.count, sum.bytes + y.bytes}
		return nil
	})
	if err != nil {
		return err
	}
	for name, sum := range tallies {
		links = append(links, link{recordingsCounted, name, string(sum.value())})
	}
	slices.SortFunc(links, func(a, b link) int {
		return cmp.Or(strings.Compare(a.bucket, b.bucket), strings.Compare(a.key, b.key))
	})
	t := &txn{&group.Txn{Tx: tx}}
	for _, l := range links {
		if err := t.put(l.bucket, []byte(l.key), []byte(l.value)); err != nil {
			return err
		}
	}
	return nil
}

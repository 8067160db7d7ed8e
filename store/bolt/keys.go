package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// errKey refuses a record that could not be found again, or only in the place of another one.
var errKey = errors.New("the ID is empty, or the tenant's has a zero byte")

const timeSize = 12

// timeKey sorts as times do, also those before 1970 and the zero time.
func timeKey(t time.Time) []byte {
	key := binary.BigEndian.AppendUint64(make([]byte, 0, timeSize), uint64(t.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(key, uint32(t.Nanosecond()))
}

// timeOf is the time that a key begins with.
func timeOf(key []byte) time.Time {
	seconds := int64(binary.BigEndian.Uint64(key) ^ 1<<63)
	return time.Unix(seconds, int64(binary.BigEndian.Uint32(key[8:]))).UTC()
}

// newestFirst sorts the other way round.
func newestFirst(t time.Time) []byte {
	key := timeKey(t)
	for i := range key {
		key[i] = ^key[i]
	}
	return key
}

// ofTenant starts every key that belongs to a tenant. It is nil for a tenant whose keys could be taken for those of
// another one, and nothing is found or stored under a nil key.
func ofTenant(tenant string) []byte {
	if strings.IndexByte(tenant, 0) >= 0 {
		return nil
	}
	return append([]byte(tenant), 0)
}

// claimKey is nil where no claim can be.
func claimKey(k store.MeetingKey) []byte {
	tenant := ofTenant(k.Tenant)
	if tenant == nil || k.MeetingID == "" {
		return nil
	}
	return append(tenant, k.MeetingID...)
}

func meetingOf(claimKey []byte) store.MeetingKey {
	tenant, meetingID, _ := bytes.Cut(claimKey, []byte{0})
	return store.MeetingKey{Tenant: string(tenant), MeetingID: string(meetingID)}
}

// sized keeps a string apart from longer ones that begin with it.
func sized(s string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// placeOf sorts recordings as pages show them: newest start first, and equal starts by ID.
func placeOf(start time.Time, recordID string) string { return string(newestFirst(start)) + recordID }

// idAt is the record ID of a place.
func idAt(place []byte) []byte { return place[timeSize:] }

// longest is how many bytes of a piece of metadata a key takes, lest a description become a key that is too large.
const longest = 200

// What ends a part. A zero byte in it is written as 0 255, so that parts sort, and begin, as their strings do.
const (
	wholePart = "\x00\x01"
	cutPart   = "\x00\x02" // the string goes on elsewhere
)

// part is the form in which a piece of metadata stands in a key with more behind it.
func part(s string) string {
	if len(s) > longest {
		return escaped(s) + cutPart
	}
	return escaped(s) + wholePart
}

func escaped(s string) string {
	return strings.ReplaceAll(s[:min(len(s), longest)], "\x00", "\x00\xff")
}

// nextPart takes the first part off a key.
func nextPart(key []byte) (s []byte, whole bool, rest []byte) {
	end, odd := bytes.IndexByte(key, 0), false
	for key[end+1] == 0xff {
		odd = true
		end += 2 + bytes.IndexByte(key[end+2:], 0)
	}
	s, rest = key[:end], key[end+2:]
	if odd {
		s = bytes.ReplaceAll(s, []byte("\x00\xff"), []byte{0})
	}
	return s, key[end+1] == wholePart[1], rest
}

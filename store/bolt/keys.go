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

// ofMeeting starts the keys of one meeting's recordings. The length keeps it apart from longer meeting IDs.
func ofMeeting(tenant []byte, meetingID string) []byte {
	key := bytes.Clone(tenant)
	key = binary.BigEndian.AppendUint32(key, uint32(len(meetingID)))
	return append(key, meetingID...)
}

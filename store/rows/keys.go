package rows

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// ErrKey refuses a record that could not be found again, or only in the place of another one.
var ErrKey = errors.New("the ID is empty, or the tenant's has a zero byte")

// TimeSize is how many bytes of a key a time takes.
const TimeSize = 12

// TimeKey sorts as times do, also those before 1970 and the zero time.
func TimeKey(t time.Time) []byte {
	key := binary.BigEndian.AppendUint64(make([]byte, 0, TimeSize), uint64(t.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(key, uint32(t.Nanosecond()))
}

// TimeOf is the time that a key begins with.
func TimeOf(key []byte) time.Time {
	seconds := int64(binary.BigEndian.Uint64(key) ^ 1<<63)
	return time.Unix(seconds, int64(binary.BigEndian.Uint32(key[8:]))).UTC()
}

// NewestFirst sorts the other way round.
func NewestFirst(t time.Time) []byte {
	key := TimeKey(t)
	for i := range key {
		key[i] = ^key[i]
	}
	return key
}

// OfTenant starts every key that belongs to a tenant. It is nil for a tenant whose keys could be taken for those of
// another one, and nothing is found or stored under a nil key.
func OfTenant(tenant string) []byte {
	if strings.IndexByte(tenant, 0) >= 0 {
		return nil
	}
	return append([]byte(tenant), 0)
}

// CheckTenant refuses a record of a tenant whose keys would be another one's.
func CheckTenant(tenant string) error {
	if OfTenant(tenant) == nil {
		return ErrKey
	}
	return nil
}

// ClaimKey is nil where no claim can be.
func ClaimKey(k store.MeetingKey) []byte {
	tenant := OfTenant(k.Tenant)
	if tenant == nil || k.MeetingID == "" {
		return nil
	}
	return append(tenant, k.MeetingID...)
}

// MeetingOf takes apart what ClaimKey has put together.
func MeetingOf(claimKey []byte) store.MeetingKey {
	tenant, meetingID, _ := bytes.Cut(claimKey, []byte{0})
	return store.MeetingKey{Tenant: string(tenant), MeetingID: string(meetingID)}
}

// Sized keeps a string apart from longer ones that begin with it.
func Sized(s string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// PlaceOf sorts recordings as pages show them: newest start first, and equal starts by ID.
func PlaceOf(start time.Time, recordID string) string { return string(NewestFirst(start)) + recordID }

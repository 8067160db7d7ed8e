package forecast

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/bbbpool/bbbpool/store"
)

// Names makes the names that rooms go by in the history: hashes with a key of the pool, so that nobody can tell from the
// history alone which rooms there are. Without a key, as in a simulation, anybody can.
type Names struct{ Key []byte }

// hashSize is how many bytes of a hash are kept.
const hashSize = 16

// Hash is the name of the room of a meeting.
func (n Names) Hash(k store.MeetingKey) string { return hex.EncodeToString(n.sum(k)) }

// Room is the room of a meeting: what RoomOf reads from its name.
func (n Names) Room(k store.MeetingKey) Room { return roomOf(n.sum(k)) }

func (n Names) sum(k store.MeetingKey) []byte {
	mac := hmac.New(sha256.New, n.Key)
	mac.Write([]byte(k.Tenant + "\x00" + k.MeetingID))
	return mac.Sum(nil)[:hashSize]
}

// Room is a hash as memory keeps it: half of it tells a million rooms apart.
type Room uint64

// RoomOf reads a hash. One that is none, as in old rows, is room 0, of which nothing is remembered.
func RoomOf(hash string) Room {
	b, err := hex.DecodeString(hash)
	if err != nil || len(b) != hashSize {
		return 0
	}
	return roomOf(b)
}

func roomOf(sum []byte) Room { return Room(binary.BigEndian.Uint64(sum)) }

package placement

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/bbbpool/bbbpool/store"
)

// names makes the names that rooms go by in the history: hashes with a key of the pool, so that nobody can tell from
// the history alone which rooms there are.
type names struct{ key []byte }

// hashSize is how many bytes of a hash are kept.
const hashSize = 16

func (n names) hash(k store.MeetingKey) string {
	mac := hmac.New(sha256.New, n.key)
	mac.Write([]byte(k.Tenant + "\x00" + k.MeetingID))
	return hex.EncodeToString(mac.Sum(nil)[:hashSize])
}

// room is a hash as memory keeps it: half of it tells a million rooms apart.
type room uint64

// roomOf reads a hash. One that is none, as in old rows, is room 0, of which nothing is remembered.
func roomOf(hash string) room {
	b, err := hex.DecodeString(hash)
	if err != nil || len(b) != hashSize {
		return 0
	}
	return room(binary.BigEndian.Uint64(b))
}

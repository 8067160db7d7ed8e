// Package backup writes all records of a pool into one file, and reads them again.
//
// It owns the form of that file, and its proof: what was cut off, changed or put together from two files is refused, with what
// is wrong and where. It never opens a store: it is given rows, and gives rows. Package moving puts them into stores.
//
// # The form
//
// A line that says what it is, and then, compressed by gzip, frames: a letter, the length of what follows in four bytes, and
// that.
//
//	H  the head: which version made it, when and of what, in JSON
//	R  a row: the number of its kind in the head's list, the length of its key (both as varints), the key, the value
//	S  the sum of a kind, behind the last of its rows: how many there were, how large, and their digest, in JSON
//	E  the end: how many rows there were, and the digest of all bytes before this frame, in JSON; nothing follows
//
// Kinds stand in the order of [store.Kinds], so that the State comes before the Index, and rows of a kind in the order of their
// keys. A file may be encrypted by age as a whole: see [Seal].
package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Format is the version of the form.
const Format = 1

// magic begins every file.
const magic = "bbbpool backup 1\n"

// The frames.
const (
	frameHead = 'H'
	frameRow  = 'R'
	frameSum  = 'S'
	frameEnd  = 'E'
)

// maxFrame is how many bytes a frame may have. No record is near it; without a limit a file could ask for any memory.
const maxFrame = 64 << 20

// ErrBroken is for a file that is no backup, or not as it was written. The error says what is wrong and where.
var ErrBroken = errors.New("not a whole backup")

// broken says what is wrong.
func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBroken, fmt.Sprintf(format, args...))
}

// Head says what a file is of.
type Head struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of the program that made it
	Schema  int       `json:"schema"`  // of the rows
	Made    time.Time `json:"made"`    // when it was begun
	State   string    `json:"state"`   // where they came from
	Index   string    `json:"index"`
	Kinds   []string  `json:"kinds"` // in their order
}

// Sum is what there is of a kind.
type Sum struct {
	Kind   string `json:"kind"`
	Rows   int    `json:"rows"`
	Bytes  int64  `json:"bytes"`  // of keys and values
	SHA256 string `json:"sha256"` // of all keys and values, each with its length before it
}

// Manifest says what is in a file.
type Manifest struct {
	Head
	Sums   []Sum  `json:"sums"`
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"` // of everything, not compressed
}

// end is what the last frame says.
type end struct {
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"`
}

// Kinds are the names of all kinds, in their order.
func Kinds() (names []string) {
	for _, k := range store.Kinds {
		names = append(names, k.Name)
	}
	return names
}

// Counter sums the rows of a kind up.
type Counter struct {
	sum    Sum
	digest hash.Hash
}

// NewCounter begins with a kind.
func NewCounter(kind string) *Counter { return &Counter{sum: Sum{Kind: kind}, digest: sha256.New()} }

// Add adds a row, in the order of the keys.
func (c *Counter) Add(r store.Row) {
	var size [8]byte
	for _, part := range [][]byte{r.Key, r.Value} {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		_, _ = c.digest.Write(size[:]) // hashes never fail
		_, _ = c.digest.Write(part)
		c.sum.Bytes += int64(len(part))
	}
	c.sum.Rows++
}

// Sum is that of what was added.
func (c *Counter) Sum() Sum {
	s := c.sum
	s.SHA256 = hex.EncodeToString(c.digest.Sum(nil))
	return s
}
